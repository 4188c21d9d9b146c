"""What the lecture's networks and operations have in common: their sizes and their methods."""

from typing import NamedTuple

#: The lecture's four ways to take a derivative, and the products they are made of.
METHODS = ("jvp", "vjp", "value_and_grad", "numerical", "symbolic", "forward", "reverse")


class Sizes(NamedTuple):
    """The sizes of the lecture's scenarios.

    Attributes:
        rows: Rows of a network's batch.
        hidden: Hidden units of a network.
        features: Features of an operation that stands alone.

    Example:
        >>> Sizes(rows=8, hidden=4, features=3).rows
        8
    """

    rows: int
    hidden: int
    features: int
