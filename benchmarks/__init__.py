"""The cost of a call in comparison with other libraries. `bin/bench` runs the benchmarks."""
