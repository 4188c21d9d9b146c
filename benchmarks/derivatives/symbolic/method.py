"""Symbolic differentiation as a method: SymPy's derivative, compiled, and how large it grew."""

from collections.abc import Callable

from ..._extras import import_extra
from ..method import GaveUpError, InfeasibleError, Preparation, Probe, Program
from ..problem import Problem
from .derivative import differentiate
from .read import UnsupportedError


def symbolic(problem: Problem, probe: Probe) -> Preparation:
    """Describe the compiled symbolic derivative.

    Its note is its size as a tree and as a graph that shares equal subexpressions.
    """
    del probe

    def make(seconds_left: Callable[[], float]) -> Program:
        args = (problem.x, problem.fixed)
        try:
            derivative = differentiate(
                problem.fn, *args, argnums=0, deadline=lambda: seconds_left() < 0
            )
        except UnsupportedError as error:
            raise InfeasibleError(str(error)) from None
        if derivative.program is None:
            raise GaveUpError(str(derivative.report))
        return Program(derivative.program, args, str(derivative.report))

    import_extra("sympy", "suite")  # it may take as long as the search, and is no part of it
    return Preparation(make)
