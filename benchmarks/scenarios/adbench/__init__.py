"""ADBench's four problems, in float64: Srajer, Kukelova and Fitzgibbon (2018)."""

from . import ba, data, gmm, hand, lstm, oracles
from .suite import scenarios

__all__ = ["ba", "data", "gmm", "hand", "lstm", "oracles", "scenarios"]
