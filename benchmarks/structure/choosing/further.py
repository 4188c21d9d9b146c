"""The ways to take a Jacobian that need no pattern of it: by what else its program allows."""

from collections.abc import Callable
from functools import partial

import jax

from ...program.messages import guarded
from ..batches.separate import apart
from ..batches.shared import batch
from ..decomposition.chains import chain
from ..decomposition.cuts import cut
from ..decomposition.splits import split
from ..elimination.way import elimination
from ..modes import blocked_modes
from ..sought import Sought
from ..ways import MOST_DENSE, Way

#: Functions of fewer inputs or outputs have nothing to save.
_FEW = 4
#: Seconds that stand for time without an end.
_LONG = 1e6
#: What finds a way, if there is one, by what it does.
_LOOKS = {
    "look for a narrow place": cut,
    "look for a few numbers that mix all": split,
    "look for parts one after the other": chain,
    "look for examples that share inputs": batch,
    "look for examples that share nothing": apart,
    "multiply its partial derivatives out": elimination,
}
#: Those that need no dense result.
_SPARSE = frozenset({elimination})


def further_ways(
    sought: Sought, *, sparse: bool | None = None
) -> tuple[list[Way], tuple[str, ...]]:
    """Return the ways that a function's program allows beside colours, and notes.

    What fails here is said in a note, and never fails a derivative.

    Args:
        sought: The function, and what is known of it.
        sparse: Whether those alone are looked for that need no dense result, or the others alone;
            `None` for all of them.

    Example:
        >>> import jax.numpy as jnp
        >>> from benchmarks.derivatives.problem import make_problem
        >>> problem = make_problem(lambda x: jnp.sin(x) * jnp.sum(x), (jnp.ones(20),))
        >>> [way.name for way in further_ways(Sought(problem))[0]]
        ['split (1+1+1)']
    """
    if min(sought.n, sought.m) < _FEW:
        return [], ()
    ways: list[Way] = []
    notes: list[str] = []
    for what, look in _LOOKS.items():
        if sought.left() <= 0:
            break
        is_sparse = look in _SPARSE
        if sparse not in (None, is_sparse) or (_is_large(sought) and not is_sparse):
            continue
        # Half of the time that is left for each: one that takes long leaves some to the others.
        hurried = sought._replace(left=_half(sought.left))
        way, fault = guarded(what, partial(_possible, look, hurried), None)
        named = {way.name for way in ways}
        ways += [way] if way and way.name not in named else []
        notes += [fault] if fault else []
        if way and look is apart:  # what the whole batch takes is the same of more numbers
            ways = [one for one in ways if one.passes <= way.passes]
    return ways, tuple(notes)


def _half(left: Callable[[], float]) -> Callable[[], float]:
    """Tell how many seconds are left of half of those that are left now."""
    kept = min(left(), _LONG) / 2
    return lambda: left() - kept


def _possible(look: Callable[[Sought], Way | None], sought: Sought) -> Way | None:
    """Return a way if the modes that it needs are there, in those parts of the program.

    Whatever else it raises is a fault of gradwise, and is not caught.
    """
    way, problem = look(sought), sought.problem
    if way is None:
        return None
    run = way.data if _is_large(sought) else way.dense
    try:
        jax.eval_shape(
            lambda x, fixed: run(problem, way.tables, x, fixed), problem.x, problem.fixed
        )
    except NotImplementedError:  # JAX has no rule
        return None
    except Exception:  # an obstacle, such as a loop without an end known beforehand
        if not blocked_modes(problem):
            raise
        return None
    return way


def _is_large(sought: Sought) -> bool:
    """Whether a dense result is not made."""
    return sought.n * sought.m * 8 > MOST_DENSE
