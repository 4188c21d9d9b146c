"""The ways to differentiate, each a small value; `table.py` lists them."""

from .candidate import as_method, as_methods
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
    "as_methods",
    "select",
]
