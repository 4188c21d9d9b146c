"""Symbolic differentiation of JAX functions by SymPy, with the size of what it writes."""

from .derivative import LIMIT, Report, SymbolicDerivative, differentiate, expressions, gradient
from .graph import Size, StoppedError
from .read import UnsupportedError

__all__ = [
    "LIMIT",
    "Report",
    "Size",
    "StoppedError",
    "SymbolicDerivative",
    "UnsupportedError",
    "differentiate",
    "expressions",
    "gradient",
]
