"""Ways to take a derivative: each a description that compiles, runs and times nothing."""
