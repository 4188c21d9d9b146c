"""The ways to differentiate, each a small value; `table.py` lists them."""

from .method import Context, InfeasibleError, Method, Probe, Program, Truth
from .table import METHODS, select

__all__ = ["METHODS", "Context", "InfeasibleError", "Method", "Probe", "Program", "Truth", "select"]
