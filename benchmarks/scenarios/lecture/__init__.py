"""The lecture: its networks on real data, and each of its operations and losses alone."""

from .suite import scenarios

__all__ = ["scenarios"]
