"""Patterns in a program that have a known cure: what is found, at which line, what to type."""

from ..advice import Advice
from .table import PATTERNS, find_advice

__all__ = ["PATTERNS", "Advice", "find_advice"]
