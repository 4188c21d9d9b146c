"""Loops that have settled by their last turn at the inputs of a comparison.

A program does not tell an iteration that settles from a march that goes on. So the function is run
once more, and a turn is added to each loop that does the same in all of them.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import jaxpr_as_fun

from ..check.directions import UNHURRIED, Pace
from ..derivatives.method import GaveUpError
from ..derivatives.problem import Problem
from ..derivatives.rewrites.replay import run_steps
from ..program.jaxpr import trace
from ..program.loops import of_scan
from ..program.messages import guarded
from ..program.patterns import Advice
from ..program.patterns.convergence import advice_on_settled, equal_turns
from ..program.patterns.reader import read_scopes
from ..program.patterns.scope import Step
from ..program.walk import bind
from .reading import Reading

#: A loop has settled where one more turn moves nothing by more epsilons of the largest number.
_SETTLED = 64


def with_settled_loops(reading: Reading, problem: Problem, pace: Pace) -> Reading:
    """Return what was read, and what is to be seen of loops when they run, if there is time."""

    def work() -> tuple[Advice, ...]:
        try:
            return settled_loops(problem, pace)
        except GaveUpError:
            return ()

    settled, fault = guarded("see whether loops settle", work, ())
    notes = (*reading.notes, *((fault,) if fault else ()))
    return reading._replace(advice=(*reading.advice, *settled), notes=notes)


def settled_loops(problem: Problem, pace: Pace = UNHURRIED) -> tuple[Advice, ...]:
    """Return advice on the loops that have settled by their last turn; most functions have none.

    Args:
        problem: What is differentiated.
        pace: How the function is run once more.

    Example:
        >>> from benchmarks.derivatives.problem import make_problem
        >>> def fixed_point(a):
        ...     return jax.lax.fori_loop(0, 50, lambda i, y: jnp.cos(a * y), 1.0)
        >>> [advice.pattern for advice in settled_loops(make_problem(fixed_point, (0.5,)))]
        ['implicit solve']
    """
    program = trace(problem.fn, problem.x, problem.fixed)
    marks = [True] * len(problem.x) + [False] * len(problem.fixed)
    scope = read_scopes(program, marks)
    loops = equal_turns(scope)
    if not loops:
        return ()

    def moves(*leaves: jax.Array) -> list[tuple[jax.Array, jax.Array]]:
        found: dict[Step, tuple[jax.Array, jax.Array]] = {}

        def do(step: Step, operands: Sequence[Any]) -> list[Any]:
            results = bind(step.eqn, operands)
            if step in loops:
                found[step] = _moves(step, operands, results)
            return results

        run_steps(scope, leaves, do)
        return [found[step] for step in loops]

    moved = pace.run(moves, *problem.x, *problem.fixed)
    return tuple(
        advice_on_settled(loop)
        for loop, (first, last) in zip(loops, moved, strict=True)
        if last <= _SETTLED and first > _SETTLED
    )


def _moves(
    loop: Step, operands: Sequence[Any], results: Sequence[Any]
) -> tuple[jax.Array, jax.Array]:
    """Return by how many epsilons of the largest number the first and one more turn move it."""
    consts, start, _ = of_scan(loop.eqn, operands)
    body = jaxpr_as_fun(loop.eqn.params["jaxpr"])

    def moved(state: Sequence[Any]) -> jax.Array:
        after = body(*consts, *state)
        pairs = [(a, b) for a, b in zip(state, after, strict=True) if _is_float(a)]
        return jnp.max(jnp.stack([_epsilons(a, b) for a, b in pairs]))

    return moved(start), moved(results[: len(start)])


def _is_float(value: Any) -> bool:
    return jnp.issubdtype(jnp.result_type(value), jnp.floating)


def _epsilons(before: Any, after: Any) -> jax.Array:
    """Return a distance in epsilons of the largest number; infinity where it is none."""
    apart, size = jnp.max(jnp.abs(after - before)), jnp.max(jnp.abs(after))
    epsilon = jnp.finfo(jnp.result_type(before)).eps
    return jnp.where(jnp.isfinite(size), apart / (epsilon * size), jnp.inf)
