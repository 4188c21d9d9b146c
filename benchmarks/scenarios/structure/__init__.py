"""Functions whose Jacobians have a structure, and some that have none: what a choice is held to."""

from .suite import HELD_OUT, KNOWN, scenarios

__all__ = ["HELD_OUT", "KNOWN", "scenarios"]
