"""The ways that a function's structure allows, each with what it may cost by a model."""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import numpy as np
from scipy.sparse import csr_array

from ...check.float64 import own_program
from ...derivatives.problem import Leaves, Problem
from ...instrument.clock import CLOCK, Clock, work_left
from ...program.count import Flops
from ...program.custom_rules import rules
from ...program.flops import flops
from ...program.messages import Obstacle, guarded
from ..forms.asked import Asked
from ..forms.operators import PRODUCTS, Linear
from ..modes import blocked_modes
from ..pattern.detection import Pattern
from ..pattern.marks import MOST_ENTRIES, TooLargeError
from ..pattern.whole import MOST_OPERATIONS, length_of, pattern_of_problem
from ..sought import Sought
from ..ways import FORWARD, MOST_DENSE, REVERSE, Way, constant, plain_ways, ways_of
from ..worded import idle_told
from .further import further_ways

#: Seconds for all of looking.
_LOOKING = 5.0


def weighed(
    asked: Asked, clock: Clock = CLOCK
) -> tuple[Pattern | None, list[Way], tuple[str, ...]]:
    """Return the pattern if it is found, the ways, the cheapest by the model first, and notes.

    Raises:
        ValueError: If the function has no derivative, or the result is too large.
    """
    left = work_left(_LOOKING, clock)
    pattern, notes = _looked_at(asked, left)
    ways, more = _ways(asked, pattern, left)
    return pattern, ways, (*notes, *more)


def full(asked: Asked) -> Pattern | None:
    """Return the pattern in which all depends on all; `None` if it is too large."""
    if asked.m * asked.problem.n > MOST_ENTRIES // 4:
        return None
    return Pattern(csr_array(np.ones((asked.m, asked.problem.n), np.int8)))


def _looked_at(asked: Asked, left: Callable[[], float]) -> tuple[Pattern | None, tuple[str, ...]]:
    """Look for the pattern; where it is not found, say why."""
    problem = asked.problem
    if asked.known is not None:
        # Of a rule that is not linear in a direction, colours tell nothing, whatever the pattern.
        found = _found(problem, left)[0] if rules(own_program(problem)) else None
        curved = found.curved if isinstance(found, Pattern) else ()
        notes = ["the pattern is the one that was given", *_not_linear(curved)]
        return Pattern(asked.known, curved=curved), tuple(notes)
    pattern, fault = _found(problem, left)
    if isinstance(pattern, Pattern):
        notes = [f"{what} counts as mixing everything" for what in pattern.unknown]
        notes += _not_linear(pattern.curved)
        names = problem.given.names_in_order
        sizes = {name: leaf.size for name, leaf in zip(names, problem.x, strict=False)}
        notes += idle_told(pattern.rows.indices, problem.n, sizes)
        return pattern, tuple(notes)
    return full(asked) if asked.sparse else None, (pattern or fault,)


def _found(problem: Problem, left: Callable[[], float]) -> tuple[Pattern | str | None, str]:
    """Return the pattern, or why it is too large, and what went wrong."""

    def look() -> Pattern | str:
        try:
            return pattern_of_problem(problem, left)
        except TooLargeError as error:
            return f"what depends on what is not known: {error}"

    return guarded("find what depends on what", look, None)


def _not_linear(curved: Sequence[str]) -> list[str]:
    return [f"{what} is not linear in a direction" for what in curved]


def _ways(
    asked: Asked, pattern: Pattern | None, left: Callable[[], float]
) -> tuple[list[Way], tuple[str, ...]]:
    """Return the ways that are possible, the cheapest by the model first, and notes."""
    _check_size(asked, pattern)
    problem = asked.problem
    blocked, fault = guarded("tell which modes there are", lambda: blocked_modes(problem), {})
    count = partial(flops, problem.fn, problem.x, problem.fixed)
    # Of a long program plain modes alone are left, which a count tells nothing of.
    long = length_of(problem) > MOST_OPERATIONS
    counted, uncounted = (Flops(), "") if long else guarded("count operations", count, Flops())
    operations = max(float(counted.high), float(problem.n))
    ways, notes = _of_structure(asked, pattern, operations, left)
    notes = tuple(filter(None, (fault, uncounted, *notes)))
    if asked.output == "operator":
        ways = _for_operator(asked, pattern, ways, operations)
    ways.sort(key=lambda way: way.cost)
    ways = [way for way in ways if not way.modes & blocked.keys()]
    _check_possible(asked, ways, blocked)
    if pattern and pattern.constant:
        ways = [constant(problem, way) for way in ways if way.plan][:1] + ways
    return ways, notes


def _of_structure(
    asked: Asked, pattern: Pattern | None, operations: float, left: Callable[[], float]
) -> tuple[list[Way], tuple[str, ...]]:
    """Return the plain modes, and what the pattern and the program allow."""
    problem, rows = asked.problem, pattern.rows if pattern else None
    plain = partial(plain_ways, problem, rows, asked.m, operations)
    if pattern and pattern.curved:  # sums of directions tell nothing
        return plain(), ()
    sought = Sought(problem, rows, operations, left)
    sparse, unknown = further_ways(sought, sparse=True)  # before the colours of a large pattern
    told = {"left": left, "symmetric": asked.symmetric}
    colouring = partial(ways_of, problem, rows, asked.shapes, operations, **told)
    ways, uncoloured = guarded("colour its pattern", colouring, None)
    ways = plain() if ways is None else ways
    if asked.output == "operator":
        return [*ways, *sparse], (uncoloured, *unknown)
    others, faults = further_ways(sought, sparse=False)
    return [*ways, *sparse, *others], (uncoloured, *unknown, *faults)


def _for_operator(
    asked: Asked, pattern: Pattern | None, ways: list[Way], operations: float
) -> list[Way]:
    """Return the ways to an operator and some products of it: by its entries, or one by one."""
    products = Way(
        "products", 1, (FORWARD + PRODUCTS) * operations, Linear(asked.problem), _no_entries
    )
    held = []
    for way in ways:
        if pattern and (way.plan or way.by_entries):
            cost = way.cost - asked.m * asked.problem.n * 0.25
            if way.plan:
                passes = way.plan.forward.count * FORWARD + way.plan.reverse.count * REVERSE
                cost = passes * operations
            held.append(way._replace(cost=cost + pattern.rows.nnz * 4 * PRODUCTS))
    return [products, *held]


def _no_entries(problem: Problem, tables: object, x: Leaves, fixed: Leaves) -> jax.Array:
    raise NotImplementedError("products know no entries")


def _check_size(asked: Asked, pattern: Pattern | None) -> None:
    """Raise `ValueError` if the result is too large."""
    m, n = asked.m, asked.problem.n
    if asked.sparse and pattern is None:
        raise ValueError(
            f"nobody knows which of {m:,} by {n:,} numbers may be other than zero, and all of them "
            "are too many for a sparse array: ask for output='operator', or give a pattern"
        )
    if asked.output == "dense" and m * n * 8 > MOST_DENSE:
        sparse = "output='csr' or " if pattern else ""
        raise ValueError(
            f"a dense result of {m:,} by {n:,} numbers is too large: ask for {sparse}"
            "output='operator'"
        )


def _check_possible(asked: Asked, ways: list[Way], blocked: dict[str, Obstacle]) -> None:
    """Raise `ValueError` if there is no way."""
    if len(blocked) == 2:
        raise ValueError(f"the function has no derivative in JAX: {blocked['forward'].reason}")
    if not ways:
        raise ValueError(
            f"a Jacobian of {asked.m:,} by {asked.problem.n:,} numbers is too large to be taken in "
            "a plain mode, and its structure saves nothing: ask for output='operator'"
        )
