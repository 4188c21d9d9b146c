"""A derivative of one's own as a method among the others."""

from typing import Any

import jax

from ..problem import Problem
from .method import Candidate, Context, Method, Program


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
