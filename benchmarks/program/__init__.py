"""What can be said of a derivative from the program alone, without running it."""

from .bounds import adjoints, bound, differences, tangents
from .flops import Flops, count, explain, xla_operations
from .hlo import Instructions, duplicated, instructions, program_hash
from .messages import Obstacle, underivable, untraceable
from .obstacles import MODES, obstacles
from .residuals import Residual, by_line, residuals

__all__ = [
    "MODES",
    "Flops",
    "Instructions",
    "Obstacle",
    "Residual",
    "adjoints",
    "bound",
    "by_line",
    "count",
    "differences",
    "duplicated",
    "explain",
    "instructions",
    "obstacles",
    "program_hash",
    "residuals",
    "tangents",
    "underivable",
    "untraceable",
    "xla_operations",
]
