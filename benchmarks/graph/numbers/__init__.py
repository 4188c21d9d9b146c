"""Every value, tangent and adjoint of a graph, by one compiled program."""
