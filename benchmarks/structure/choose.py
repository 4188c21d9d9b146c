"""The choice: which of the ways that a function's structure allows is cheapest, and right."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO, BCSR
from scipy.sparse import csr_array

from ..derivatives.problem import Leaves, Problem
from ..instrument.clock import time_left
from ..instrument.statistics import contention
from ..instrument.timing import interleave
from ..program.arguments import Argnums
from ..program.count import Flops
from ..program.flops import flops
from ..program.messages import guarded
from ..program.obstacles import obstacles
from .further import further_ways
from .made import Made
from .marks import MOST_ENTRIES, TooLargeError, extents
from .pattern import Pattern, find_pattern
from .record import Jacobian, Rival
from .ways import MOST_DENSE, Way, constant, plain_ways, ways_of

#: Times within this of each other tell nothing.
_TIE = 1.1
#: Ways that are checked and measured against one another, and the seconds for all of them.
MOST_MEASURED, _SECONDS = 3, 0.6
#: Seconds for finding and colouring the pattern.
_LOOKING = 5.0
#: Wall over CPU time from which times are not believed.
BUSY = 1.3


class Asked(NamedTuple):
    """What derivative is asked for.

    Attributes:
        name: The function's name.
        problem: What is differentiated once: for a Hessian the gradient.
        shapes: Those of its outputs.
        of_form: Brings a dense result to the form of the user's function.
        argnums: The arguments that are differentiated, as the user has said it.
        order: 1 for a Jacobian, 2 for a Hessian.
        output: `"dense"`, `"csr"` or `"bcoo"`.
    """

    name: str
    problem: Problem
    shapes: Sequence[tuple[int, ...]]
    of_form: Callable[[Any], Any]
    argnums: Argnums
    order: int
    output: str

    @property
    def m(self) -> int:
        """How many numbers the outputs hold."""
        return int(sum(np.prod(shape, dtype=np.int64) for shape in self.shapes))


def cheapest(asked: Asked, *, measure: bool) -> Jacobian:
    """Return the derivative in the way that is cheapest of those that are right.

    Raises:
        ValueError: If the function has no derivative, or the result is too large.
    """
    pattern, ways, notes = weighed(asked)
    tried = {way.name: made(asked, pattern, way) for way in ways[:MOST_MEASURED]}
    right = _right(tried, asked, all_of_them=measure)
    if not right:
        plain = [way for way in ways if way.plain]
        if not plain:
            raise ValueError(
                f"no way to take the derivative of {asked.name} has passed its check, and a plain "
                "mode is too large: ask for products by jax.jvp or jax.vjp"
            )
        right = {plain[0].name: made(asked, pattern, plain[0])}
    best, seconds, doubts = fastest(right, asked.problem)
    rivals = [
        Rival(name=way.name, passes=way.passes, seconds=seconds.get(way.name), why=way.why)
        for way in ways
    ]
    return Jacobian(
        name=asked.name,
        order=asked.order,
        n=asked.problem.n,
        m=asked.m,
        way=best,
        rivals=tuple(rivals),
        entries=int(pattern.rows.nnz) if pattern else None,
        output=asked.output,
        notes=(*notes, *doubts),
        _made=right[best],
    )


def weighed(asked: Asked) -> tuple[Pattern | None, list[Way], tuple[str, ...]]:
    """Return the pattern if it is found, the ways, the cheapest by the model first, and notes."""
    left = time_left(_LOOKING)
    pattern, notes = _looked_at(asked, left())
    ways, more = _ways(asked, pattern, left)
    return pattern, ways, (*notes, *more)


def made(asked: Asked, pattern: Pattern | None, way: Way) -> Made:
    """Return a way as a derivative in the form that was asked for."""
    finish = partial(_finished, asked, pattern.rows if pattern else None)
    sparse = asked.output != "dense"
    return Made(asked.problem, asked.argnums, way, pattern, finish, sparse=sparse)


def fastest(
    right: Mapping[str, Made], problem: Problem
) -> tuple[str, dict[str, float], tuple[str, ...]]:
    """Return the fastest of the ways that are right, the seconds of each, and doubts about these.

    Without times, or with such as are not believed, it is the first: that of fewest operations.
    """
    seconds, doubts = _measured(right, problem) if len(right) > 1 else ({}, ())
    if doubts or not seconds:
        return next(iter(right)), seconds, doubts
    least = min(seconds.values())
    best = next(name for name in right if seconds.get(name, math.inf) <= _TIE * least)
    return best, seconds, doubts


def _looked_at(asked: Asked, limit: float) -> tuple[Pattern | None, tuple[str, ...]]:
    """Look for the pattern; where it is not found, say why."""
    problem = asked.problem

    def outputs(x: Leaves, fixed: Leaves) -> list[jax.Array]:
        return jax.tree.leaves(problem.fn(x, fixed))

    def look() -> Pattern | str:
        try:
            return find_pattern(outputs, problem.x, problem.fixed, limit=limit)
        except TooLargeError as error:
            return f"what depends on what is not known: {error}"

    pattern, fault = guarded("find what depends on what", look, None)
    if isinstance(pattern, Pattern):
        pattern.rows.sort_indices()
        notes = [f"{what} counts as mixing everything" for what in pattern.unknown]
        notes += [f"{what} is not linear in a direction" for what in pattern.curved]
        return pattern, tuple(notes)
    if asked.output != "dense" and asked.m * problem.n <= MOST_ENTRIES // 4:
        every = csr_array(np.ones((asked.m, problem.n), np.int8))
        return Pattern(every), (pattern or fault,)
    return None, (pattern or fault,)


def _ways(
    asked: Asked, pattern: Pattern | None, left: Callable[[], float]
) -> tuple[list[Way], tuple[str, ...]]:
    """Return the ways that are possible, the cheapest by the model first, and notes."""
    problem, m, rows = asked.problem, asked.m, pattern.rows if pattern else None
    if (rows is None or asked.output == "dense") and m * problem.n * 8 > MOST_DENSE:
        sparse = "ask for output='csr'" if pattern else "ask for products by jax.jvp or jax.vjp"
        raise ValueError(f"a dense result of {m:,} by {problem.n:,} numbers is too large: {sparse}")
    modes = ("forward", "reverse")
    blocked, fault = guarded(
        "tell which modes there are",
        lambda: obstacles(problem.fn, problem.x, problem.fixed, argnums=0, modes=modes),
        {},
    )
    count = partial(flops, problem.fn, problem.x, problem.fixed)
    counted, uncounted = guarded("count operations", count, Flops())
    operations = max(float(counted.high), float(problem.n))
    colouring = partial(ways_of, problem, rows, asked.shapes, operations, left=left)
    ways, uncoloured = guarded("colour its pattern", colouring, None)
    if ways is None or (pattern and pattern.curved):  # sums of directions tell nothing
        ways = plain_ways(problem, rows, m, operations)
    notes = tuple(filter(None, (fault, uncounted, uncoloured)))
    if not (pattern and pattern.curved):
        others, faults = further_ways(problem, rows, m, operations)
        ways, notes = [*ways, *others], (*notes, *faults)
    ways.sort(key=lambda way: way.cost)
    ways = [way for way in ways if not way.modes & blocked.keys()]
    if not ways and len(blocked) == 2:
        raise ValueError(f"the function has no derivative in JAX: {blocked['forward'].reason}")
    if not ways:
        raise ValueError(
            f"a Jacobian of {m:,} by {problem.n:,} numbers is too large to be taken in a plain "
            "mode, and its structure saves nothing: ask for products by jax.jvp or jax.vjp"
        )
    if pattern and pattern.constant:
        ways = [constant(problem, way) for way in ways if way.plan][:1] + ways
    return ways, notes


def _right(tried: dict[str, Made], asked: Asked, *, all_of_them: bool) -> dict[str, Made]:
    """Return the ways that pass their check, or the first of them; of others, warn."""
    right: dict[str, Made] = {}
    for name, made in tried.items():
        check = partial(made.is_right, asked.problem, points=3)
        passed, fault = guarded("check it", check, False)
        if passed:
            right[name] = made
            if not all_of_them:
                break
        else:
            warnings.warn(
                f"gradwise: the {name} derivative of {asked.name} did not pass its check and is "
                f"not used; please report this function{fault and f' ({fault})'}",
                stacklevel=4,  # the caller of `jacobian`
            )
    return right


def _measured(
    made: Mapping[str, Made], problem: Problem
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Time the ways against one another, and say why the times are not to be believed."""
    calls = {name: partial(one.run, problem.x, problem.fixed) for name, one in made.items()}
    timed, fault = guarded("time them", lambda: interleave(calls, budget=_SECONDS)[0], {})
    waited = [contention(one) for one in timed.values()]
    doubts = (fault,) if fault else ()
    if jax.default_backend() == "cpu" and waited and min(waited) > BUSY:
        doubts = ("the machine was busy: the way of fewest operations is taken",)
    return {name: one.seconds for name, one in timed.items()}, doubts


def _finished(
    asked: Asked,
    rows: csr_array | None,
    way: Way,
    problem: Problem,
    tables: Any,
    x: Leaves,
    fixed: Leaves,
) -> Any:
    """Return the derivative in the form that was asked for."""
    if asked.output == "dense":
        return asked.of_form(way.dense(problem, tables, x, fixed))
    assert rows is not None
    data = way.data(problem, tables, x, fixed)
    if asked.output == "csr":
        return BCSR(
            (data, jnp.asarray(rows.indices), jnp.asarray(rows.indptr)), shape=extents(rows)
        )
    row_of = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    places = jnp.asarray(np.stack([row_of, rows.indices], axis=1).astype(np.int32))
    return BCOO((data, places), shape=extents(rows), indices_sorted=True, unique_indices=True)
