"""A derivative of one's own as a method among the others."""

from collections.abc import Sequence
from typing import Any

import jax

from .method import Candidate, Context, Method, Program
from .problem import Problem
from .table import METHODS

_MODES = ("forward", "reverse", "mixed")


def as_methods(candidates: Sequence[Candidate], order: int) -> tuple[Method, ...]:
    """The candidates as methods of `order`, each under a name of its own.

    Raises:
        TypeError: If `candidates` is no sequence of them.
        ValueError: If a mode is unknown, or a name is that of another row.
    """
    sequence = isinstance(candidates, Sequence)
    strange = [own for own in candidates if not isinstance(own, Candidate)] if sequence else []
    if strange or not sequence:
        got = type(candidates).__name__ + (f" with {strange[0]!r}"[:80] if strange else "")
        raise TypeError(f"candidates must be a list of Candidate(...), got a {got}")
    taken = {method.name for method in METHODS if method.order == order}
    for name, mode, *_ in candidates:
        if mode not in _MODES:
            raise ValueError(f"candidate {name!r}: mode must be in {_MODES}, got {mode!r}")
        if name in taken:
            raise ValueError(f"candidate {name!r}: another row has this name; choose another one")
        taken.add(name)
    return tuple(as_method(candidate, order) for candidate in candidates)


def as_method(candidate: Candidate, order: int) -> Method:
    """The candidate as a method of `order`, which `compare` builds and checks like any other."""

    def build(problem: Problem, context: Context) -> Program:
        def program(x: tuple, fixed: tuple) -> Any:
            result = candidate.derivative(*problem.arguments(x, fixed))
            if candidate.product:
                return result
            rows = _rows(result, problem)
            return rows[0] if problem.scalar and order == 1 else rows

        return Program(program, (problem.x, problem.fixed))

    def product(result: Any, problem: Problem, tangent: tuple) -> Any:
        assert candidate.product is not None
        applied = candidate.product(result, problem.rebuild(tangent))
        return jax.tree.leaves(applied) if order == 2 else problem.unpack(applied)

    return Method(
        candidate.name,
        candidate.mode,
        "hessian" if order == 2 else "jacobian",
        order,
        (),
        True,
        "a derivative of its own",
        build,
        own=True,
        product=product if candidate.product else None,
    )


def _rows(result: Any, problem: Problem) -> tuple[tuple, ...]:
    """The leaves of a derivative, a tuple over the inputs for each output or, second, input."""
    leaves, width = jax.tree.leaves(result), len(problem.x)
    return tuple(tuple(leaves[start : start + width]) for start in range(0, len(leaves), width))
