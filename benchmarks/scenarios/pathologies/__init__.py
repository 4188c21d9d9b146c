"""Functions on which a mode goes wrong, each beside its cures."""

from . import functions
from .suite import scenarios

__all__ = ["functions", "scenarios"]
