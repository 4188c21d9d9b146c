"""What can be said of a derivative from the program alone, without running it."""

from .bounds import adjoints, bound, differences, tangents
from .flops import Flops, count, explain, xla_operations

__all__ = [
    "Flops",
    "adjoints",
    "bound",
    "count",
    "differences",
    "explain",
    "tangents",
    "xla_operations",
]
