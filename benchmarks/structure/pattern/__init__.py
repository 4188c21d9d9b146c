"""Which outputs of a function may depend on which inputs, for every x."""
