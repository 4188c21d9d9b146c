"""The ways to take a Jacobian that need no pattern: by what else its program allows."""

from collections.abc import Callable
from functools import partial

import jax
from scipy.sparse import csr_array

from ..derivatives.problem import Problem
from ..program.messages import guarded
from .batches import batch
from .cuts import cut
from .splits import split
from .ways import Way

#: Bytes above which a dense result, which all of them make, is too large.
_MOST_DENSE = 2e9
#: Functions of fewer inputs or outputs have nothing to save.
_FEW = 4


def further_ways(
    problem: Problem, rows: csr_array | None, m: int, operations: float
) -> tuple[list[Way], tuple[str, ...]]:
    """Return the ways that a function's program allows beside colours, and notes.

    What fails here is said in a note, and never fails a derivative.

    Args:
        problem: What is differentiated.
        rows: The pattern of its Jacobian; `None` if it is not known.
        m: How many numbers its outputs hold.
        operations: How many operations one run of the function takes.
    """
    if min(problem.n, m) < _FEW or problem.n * m * 8 > _MOST_DENSE:
        return [], ()
    looks: dict[str, Callable[..., Way | None]] = {
        "look for a narrow place": cut,
        "look for a few numbers that mix all": split,
        "look for examples that share inputs": batch,
    }
    ways, notes = [], []
    for what, look in looks.items():
        way, fault = guarded(what, partial(look, problem, rows, m, operations), None)
        ways += [way] if way and _possible(way, problem) else []
        notes += [fault] if fault else []
    return ways, tuple(notes)


def _possible(way: Way, problem: Problem) -> bool:
    """Whether the modes that a way needs are there, each in the part of the program it needs."""
    try:
        jax.eval_shape(
            lambda x, fixed: way.dense(problem, way.tables, x, fixed), problem.x, problem.fixed
        )
    except Exception:  # an obstacle, such as a loop without an end known beforehand
        return False
    return True
