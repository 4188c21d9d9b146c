"""What can be said of a derivative from the program alone, without running it."""

from .bounds import adjoints, bound, differences, tangents
from .flops import Flops, count, explain, xla_operations
from .obstacles import MODES, Obstacle, obstacles
from .residuals import Residual, by_line, residuals

__all__ = [
    "MODES",
    "Flops",
    "Obstacle",
    "Residual",
    "adjoints",
    "bound",
    "by_line",
    "count",
    "differences",
    "explain",
    "obstacles",
    "residuals",
    "tangents",
    "xla_operations",
]
