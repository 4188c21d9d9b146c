"""Functions on which a mode goes wrong, each followed by its cures."""

from . import functions
from .suite import scenarios

__all__ = ["functions", "scenarios"]
