"""Indices beyond the end of an array: JAX reads the last entry there, and forgets it going back."""

from contextlib import suppress
from typing import Any

import numpy as np
from jax.lax import GatherScatterMode

from ..derivatives.problem import Problem
from ..program.jaxpr import kind
from .both import both
from .directions import Pace
from .float64 import checking, own_program
from .stepping import Step, Stepping, TooLongError

#: What a gather does with such an index: what is sound backwards too.
_SOUND = (GatherScatterMode.CLIP, GatherScatterMode.FILL_OR_DROP)


def beyond_the_end(problem: Problem, pace: Pace) -> str:
    """Name the first index at the point that is beyond the end of what it is taken from.

    Its value is that of the entry at the end, and so is the derivative in forward mode; in reverse
    mode that of JAX is 0. `""` if there is none, or no time to look.

    Args:
        problem: What is differentiated, in its own types.
        pace: For how long this may take.

    Example:
        >>> import jax.numpy as jnp
        >>> from benchmarks.check.directions import UNHURRIED
        >>> from benchmarks.derivatives.problem import make_problem
        >>> problem = make_problem(lambda x: x[jnp.array([0, 5])], (jnp.ones(3),))
        >>> beyond_the_end(problem, UNHURRIED).partition(" at ")[0]
        'index 5'
    """
    walk = Stepping(pace, keep=lambda eqn, turns: kind(eqn) == "gather")
    with checking(), suppress(TooLongError):
        walk.run(own_program(problem), [both(leaf) for leaf in (*problem.x, *problem.fixed)])
    for step in walk.kept:
        index = _beyond(step)
        if index is not None:
            size = np.shape(step.operands[0].own)
            of = f"of an array of shape {list(size)}"
            return (
                f"index {index} at {step.line} is beyond the end {of}: it reads the entry at the "
                'end, and in reverse mode that gets nothing; use x.at[i].get(mode="clip"), or an '
                "index inside"
            )
    return ""


def _beyond(step: Step) -> int | None:
    """Return the first index of a gather that is out of bounds; `None` if all are inside."""
    numbers: Any = step.eqn.params["dimension_numbers"]
    if step.eqn.params["mode"] in _SOUND:
        return None
    shape, sizes = np.shape(step.operands[0].own), step.eqn.params["slice_sizes"]
    indices = np.asarray(step.operands[1].own)
    for place, dim in enumerate(numbers.start_index_map):
        column = indices[..., place].ravel()
        bad = column[(column < 0) | (column > shape[dim] - sizes[dim])]
        if bad.size:
            return int(bad[0])
    return None
