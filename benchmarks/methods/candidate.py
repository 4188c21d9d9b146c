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
            return result if candidate.product else _nested(result, problem)

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


def _nested(result: Any, problem: Problem) -> Any:
    """The leaves of `jax.jacrev`'s structure, a tuple over the inputs for each output."""
    leaves, width = jax.tree.leaves(result), len(problem.x)
    nested = [tuple(leaves[start : start + width]) for start in range(0, len(leaves), width)]
    return nested[0] if problem.scalar else tuple(nested)
