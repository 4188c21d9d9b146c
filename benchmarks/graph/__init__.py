"""The computational graph of a function: a record of its values and derivatives, and a picture."""
