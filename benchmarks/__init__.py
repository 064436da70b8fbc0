"""What a call costs, beside the libraries around it. `bin/bench` runs it."""
