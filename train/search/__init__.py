"""Search over a grid of hyper-parameters."""
