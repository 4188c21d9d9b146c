"""Symbolic differentiation of JAX functions by SymPy, with the size of what it writes."""

from .derivative import LIMIT, Report, SymbolicDerivative, derivative, expressions, gradient
from .graph import Size, StoppedError
from .primitives import refused
from .read import UnsupportedError

__all__ = [
    "LIMIT",
    "Report",
    "Size",
    "StoppedError",
    "SymbolicDerivative",
    "UnsupportedError",
    "derivative",
    "expressions",
    "gradient",
    "refused",
]
