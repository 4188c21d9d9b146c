"""The ways to take a Jacobian that need no pattern of it: by what else its program allows."""

from collections.abc import Callable
from functools import partial

import jax
from scipy.sparse import csr_array

from ..derivatives.problem import Problem
from ..instrument.clock import time_left
from ..program.messages import guarded
from .batches import batch
from .chains import chain
from .cuts import cut
from .separate import apart
from .splits import split
from .ways import MOST_DENSE, Way

#: Functions of fewer inputs or outputs have nothing to save.
_FEW = 4
#: The look for examples that share nothing.
_APART = "look for examples that share nothing"
#: `look(limit=seconds)` returns a way, if there is one.
_Look = Callable[..., Way | None]


def further_ways(
    problem: Problem,
    rows: csr_array | None,
    m: int,
    operations: float,
    *,
    limit: float = 2.0,
    left: Callable[[], float] | None = None,
    runs: bool = True,
) -> tuple[list[Way], tuple[str, ...]]:
    """Return the ways that a function's program allows beside colours, and notes.

    What fails here is said in a note, and never fails a derivative.

    Args:
        problem: What is differentiated.
        rows: The pattern of its Jacobian; `None` if it is not known.
        m: How many numbers its outputs hold.
        operations: How many operations one run of the function takes.
        limit: Seconds after which nothing more is looked for,
        left: or what tells how many of them are left.
        runs: Whether the function may be run, which a look for examples does.

    Example:
        >>> import jax.numpy as jnp
        >>> from benchmarks.derivatives.problem import make_problem
        >>> problem = make_problem(lambda x: jnp.sin(x) * jnp.sum(x), (jnp.ones(20),))
        >>> [way.name for way in further_ways(problem, None, 20, 100.0)[0]]
        ['split (1+1+1)']
    """
    if min(problem.n, m) < _FEW or problem.n * m * 8 > MOST_DENSE:
        return [], ()
    looks: dict[str, _Look] = {
        "look for a narrow place": cut,
        "look for a few numbers that mix all": split,
        "look for parts one after the other": chain,
    }
    looks["look for examples that share inputs"] = partial(batch, runs=runs)
    looks[_APART] = partial(apart, runs=runs)
    ways: list[Way] = []
    notes: list[str] = []
    left = left or time_left(limit)
    for what, look in looks.items():
        if left() <= 0:
            break
        looking = partial(look, problem, rows, m, operations, limit=left())
        way, fault = guarded(what, looking, None)
        named = {way.name for way in ways}
        ways += [way] if way and way.name not in named and _possible(way, problem) else []
        notes += [fault] if fault else []
        if way and what == _APART:  # what the whole batch takes is the same of more numbers
            ways = [one for one in ways if one.passes <= way.passes]
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
