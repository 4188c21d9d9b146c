"""What can be said of a derivative from the program alone, without running it."""

from .bounds import adjoints, bound, differences, tangents
from .flops import Flops, count, explain, xla_operations
from .obstacles import MODES, Obstacle, obstacles

__all__ = [
    "MODES",
    "Flops",
    "Obstacle",
    "adjoints",
    "bound",
    "count",
    "differences",
    "explain",
    "obstacles",
    "tangents",
    "xla_operations",
]
