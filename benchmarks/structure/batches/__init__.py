"""A Jacobian of a batch: what each example's rows need, for all examples at once."""
