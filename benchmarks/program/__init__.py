"""What a program says of a function and its derivative, from its jaxpr or HLO; nothing is run."""
