"""Symbolic differentiation as a method: SymPy's derivative, compiled, and how large it grew."""

from importlib import import_module

from ...instrument.timing import deadline
from ..method import Context, GaveUpError, InfeasibleError, Program
from ..problem import Problem
from . import UnsupportedError, derivative


def symbolic(problem: Problem, context: Context) -> Program:
    """The compiled symbolic derivative; its note is its size as a tree and as a shared graph.

    Raises:
        InfeasibleError: If an operation has no symbolic form.
        GaveUpError: If the expressions outgrew their limit of size or time; the message says how
            far they got.
    """
    import_module("sympy")  # may take as long as the search, and is none of it
    time_left = deadline(context.search_seconds)
    args = (problem.x, problem.fixed)
    try:
        found = derivative(problem.fn, *args, argnums=0, deadline=lambda: time_left() < 0)
    except UnsupportedError as error:
        raise InfeasibleError(str(error)) from None
    if found.program is None:
        raise GaveUpError(str(found.report))
    return Program(found.program, args, str(found.report))
