"""A Jacobian by its partial derivatives: one array for each number of an example's block."""
