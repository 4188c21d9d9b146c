"""What a derivative of a JAX function costs, by every way there is to take it."""
