"""The ways to differentiate, each a small value; `table.py` lists them."""

from .candidate import as_method
from .method import Candidate, Context, GaveUpError, InfeasibleError, Method, Probe, Program, Truth
from .table import METHODS, select

__all__ = [
    "METHODS",
    "Candidate",
    "Context",
    "GaveUpError",
    "InfeasibleError",
    "Method",
    "Probe",
    "Program",
    "Truth",
    "as_method",
    "select",
]
