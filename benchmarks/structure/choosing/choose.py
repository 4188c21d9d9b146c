"""The choice: which of the ways that a function's structure allows is cheapest, and right."""

import math
import warnings
from collections.abc import Mapping
from functools import partial

import jax

from ...derivatives.problem import Problem
from ...instrument.statistics import contention
from ...instrument.timing import interleave
from ...instrument.unwatched import unwatched
from ...program.messages import guarded
from ...program.platforms import platform_of
from ..drawing.shapes import shape_of
from ..forms.asked import Asked, finished
from ..forms.made import Made
from ..given import missed
from ..modes import is_long
from ..pattern.detection import Pattern
from ..printed import BUSY as BUSY_NOTE
from ..record import Jacobian, Rival
from ..verify import NothingFiniteError
from ..ways import Way, plain_ways
from .weigh import full, weighed

#: Times within this of each other tell nothing.
_TIE = 1.1
#: The call that computes nothing, and how many times its time is nothing.
_NOTHING, _AT_FLOOR = "nothing", 1.5
#: Ways that are checked and measured against one another, and the seconds for all of them.
MOST_MEASURED, _SECONDS = 3, 0.6
#: Wall over CPU time from which times are not believed.
BUSY = 1.3


def cheapest(asked: Asked, *, measure: bool) -> Jacobian:
    """Return the derivative in the way that is cheapest of those that are right.

    Raises:
        ValueError: If the function has no derivative, or the result is too large.
    """
    pattern, ways, notes = weighed(asked)
    tried = {way.name: made(asked, pattern, way) for way in ways[:MOST_MEASURED]}
    long = is_long(asked.problem)
    if measure and long:
        measure = False
        notes = (*notes, "it is too long to be timed: the cheapest by count is taken")
    right, faults = _right(tried, asked, all_of_them=measure)
    told = {name: fault for name, fault in faults.items() if fault is not None}
    if told:
        _warn(asked, tried, told)
    if len(told) < len(faults):
        notes = (*notes, "no product with it is finite here: what cannot be checked is not used")
    if not right:
        right = _plainest(asked, pattern, ways)
    best, seconds, doubts = fastest(right, asked.problem)
    if not long:
        right[best].trace()
    # A pattern that has missed an entry is not shown.
    doubtful = any(tried[name].way.plan for name in told) and not asked.sparse
    shown = None if doubtful else right[best].pattern
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
        entries=int(shown.rows.nnz) if shown else None,
        output=asked.output,
        notes=(*notes, *doubts),
        shape=shape_of(shown.rows) if shown else "",
        line=asked.line,
        _made=right[best],
    )


def made(asked: Asked, pattern: Pattern | None, way: Way) -> Made:
    """Return a way as a derivative in the form that was asked for."""
    finish = finished(asked, pattern.rows if pattern else None)
    return Made(asked, way, pattern, finish)


def fastest(
    right: Mapping[str, Made], problem: Problem
) -> tuple[str, dict[str, float], tuple[str, ...]]:
    """Return the fastest of the ways that are right, the seconds of each, and doubts about these.

    Without times, or with such as are not believed, it is the first: that of fewest operations.
    """
    seconds, doubts = _measured(right, problem) if len(right) > 1 else ({}, ())
    floor = seconds.pop(_NOTHING, 0.0)
    if doubts or not seconds:
        return next(iter(right)), seconds, doubts
    # What takes as long as a call that computes nothing is told apart by its operations alone.
    tie = max(_TIE * min(seconds.values()), _AT_FLOOR * floor)
    best = next(name for name in right if seconds.get(name, math.inf) <= tie)
    return best, seconds, doubts


def _right(
    tried: dict[str, Made], asked: Asked, *, all_of_them: bool
) -> tuple[dict[str, Made], dict[str, str | None]]:
    """Return the ways that pass their check, or the first of them, and what is wrong with others.

    That is `None` where nothing could be compared.
    """
    right: dict[str, Made] = {}
    faults: dict[str, str | None] = {}
    for name, made in tried.items():
        passed, fault = guarded("check it", partial(_passes, made, asked.problem), False)
        if not passed:
            faults[name] = fault if passed is False else None
            continue
        right[name] = made
        if not all_of_them:
            break
    return right, faults


def _passes(made: Made, problem: Problem) -> bool | None:
    try:
        with unwatched():  # a key among the inputs is drawn from at each point
            return made.is_right(problem, points=3)
    except NothingFiniteError:
        return None


def _warn(asked: Asked, tried: Mapping[str, Made], faults: Mapping[str, str]) -> None:
    """Warn of ways that are wrong: by the user's own pattern, or by a fault of gradwise."""
    text = [f"gradwise: the {' and the '.join(faults)} derivative of {asked.name} did not pass"]
    entries: list[tuple[int, int]] = []
    if asked.known is not None:
        wrong = tried[next(iter(faults))]
        look = partial(missed, asked.problem, asked.known, wrong.numbers)
        entries, _ = guarded("find what a pattern misses", look, [])
    if entries:
        places = ", ".join(f"output {row:,} by input {column:,}" for row, column in entries)
        text = [
            f"gradwise: the pattern that was given to {asked.caller} misses entries of the "
            f"derivative of {asked.name} that are not zero: {places} (counted among all numbers, "
            "from 0). A plain mode is taken; add them to the pattern, or leave it out to have it "
            "found"
        ]
    else:
        fault = "; ".join(filter(None, faults.values()))
        text.append(
            f"its check and is not used; please report this function{fault and f' ({fault})'}"
        )
    warnings.warn(" ".join(text), stacklevel=4)  # the caller of `jacobian`


def _plainest(asked: Asked, pattern: Pattern | None, ways: list[Way]) -> dict[str, Made]:
    """Return one of JAX's own modes.

    A sparse result of a pattern that misses entries would miss them in a plain mode too.

    Raises:
        ValueError: If the result is too large for these.
    """
    for way in ways:
        one = made(asked, pattern, way)
        if way.plain and guarded("check it", partial(_passes, one, asked.problem), False)[0]:
            return {way.name: one}
    every = full(asked) if asked.sparse else None
    modes = {way.name for way in ways}
    for way in plain_ways(asked.problem, every.rows, asked.m, 1.0) if every else ():
        if way.name in modes:
            return {way.name: made(asked, every, way)}
    raise ValueError(
        f"no way to take the derivative of {asked.name} has passed its check, and a plain mode is "
        "too large: ask for output='operator'"
    )


def _measured(
    made: Mapping[str, Made], problem: Problem
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Time the ways against one another, and say why the times are not to be believed."""
    calls = {name: partial(one.timed, problem.x, problem.fixed) for name, one in made.items()}
    calls[_NOTHING] = partial(jax.jit(lambda x, fixed: x), problem.x, problem.fixed)
    with unwatched():
        timed, fault = guarded("time them", lambda: interleave(calls, budget=_SECONDS)[0], {})
    waited = [contention(one) for name, one in timed.items() if name != _NOTHING]
    doubts = (fault,) if fault else ()
    if platform_of((problem.x, problem.fixed)) == "cpu" and waited and min(waited) > BUSY:
        doubts = (BUSY_NOTE,)
    return {name: one.seconds for name, one in timed.items()}, doubts
