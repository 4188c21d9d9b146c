"""Symbolic differentiation as a method: SymPy's derivative, compiled, and how large it grew."""

from ..problem import Problem
from .method import Context, InfeasibleError, Program


def symbolic(problem: Problem, context: Context) -> Program:
    """The compiled symbolic derivative, with its size as a tree and with shared subexpressions.

    Raises:
        InfeasibleError: If an operation has no symbolic form, or the expressions outgrow their
            limit; the message says how far it got.
    """
    raise InfeasibleError("not there yet")
