"""Ways out: one folder per channel with everything in it."""
