"""The four problems of ADBench (Srajer, Kukelova and Fitzgibbon, 2018), in float64."""

from . import ba, data, gmm, hand, lstm, oracles
from .suite import scenarios

__all__ = ["ba", "data", "gmm", "hand", "lstm", "oracles", "scenarios"]
