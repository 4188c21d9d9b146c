"""Search over a grid of hyper-parameters."""

from .ranking import grid_search
from .result import Search
from .row import Row

__all__ = ["Row", "Search", "grid_search"]
