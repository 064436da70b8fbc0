"""The reaper of the playground: a process that stops rentals whose deadline has passed."""
