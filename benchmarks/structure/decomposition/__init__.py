"""A Jacobian as a product or a sum of narrow ones: cuts, splits and chains of a program."""
