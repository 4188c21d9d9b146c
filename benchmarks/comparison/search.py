"""From a method's description to one compiled program: prepare it, or choose among its trials."""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ..derivatives.method import (
    Description,
    InfeasibleError,
    Label,
    Preparation,
    Program,
    Search,
    Truth,
)
from ..instrument.clock import CLOCK, Clock, time_left
from ..instrument.compile import Compiled, CompileTimeoutError, compile_for
from ..instrument.timing import run_once
from .experiment import Limits
from .pace import pace_of

#: How many calls each trial makes; its time is the fastest.
_CALLS = 3
#: A trial this many times worse than the best one ends a search: smaller chunks are no better.
_CLEARLY = 1.2
#: The share of the time left that a sweep may take, even if that is longer than a search.
_SWEEP = 0.05


class Choice(NamedTuple):
    """The program that a description comes to.

    Attributes:
        program: What is to be timed.
        compiled: The same compiled, if the search has done so.
        label: Which trial it is, if it was searched for.
    """

    program: Program
    compiled: Compiled | None = None
    label: Label | None = None


def settle(description: Description, truth: Truth, limits: Limits, clock: Clock = CLOCK) -> Choice:
    """Carry out what a description leaves open.

    Raises:
        InfeasibleError: If no trial fits the memory.
        GaveUpError: If a preparation outgrew its limits.
        CompileTimeoutError: If no trial compiles in time.
    """
    if isinstance(description, Program):
        return Choice(description)
    seconds_left = time_left(limits.search_seconds, clock)
    if isinstance(description, Preparation):
        return Choice(description.make(seconds_left))
    if description.by == "error":
        return _by_error(description, truth, limits, seconds_left)
    figure = {"seconds": _seconds, "bytes": _bytes}[description.by]
    return _by_figure(description, limits, figure, seconds_left, clock)


def settled_again(description: Description, choice: Choice, limits: Limits) -> Program:
    """Return the program of a description that was settled before, for other inputs."""
    if isinstance(description, Program):
        return description
    if isinstance(description, Preparation):
        return description.make(time_left(limits.search_seconds))
    assert choice.label is not None
    return description.program(choice.label)


def _by_figure(
    search: Search,
    limits: Limits,
    figure: Callable[[Compiled, Callable[[], float], Clock], float],
    seconds_left: Callable[[], float],
    clock: Clock,
) -> Choice:
    """Compile one trial after the other, until time is up or the trials get worse."""
    figures: dict[Label, float] = {}
    programs: dict[Label, Compiled] = {}
    for label, trial in search.trials.items():
        if figures and search.by == "seconds" and (seconds_left() < 0 or _worse(figures)):
            break
        compiled = _tried(trial, limits, bool(figures))
        if compiled is None:
            break
        if compiled.memory and compiled.memory.total > limits.memory:
            continue
        figures[label] = figure(compiled, seconds_left, clock)
        programs[label] = compiled
    if not figures:
        raise InfeasibleError(f"no trial fits {limits.memory:.3g} bytes")
    best = min(figures, key=lambda label: figures[label])
    for label, other in search.beside.items():
        compiled = _tried(other, limits, True)
        if compiled is not None:
            figures[label] = figure(compiled, seconds_left, clock)
    program = search.program(best)._replace(note=search.note(best, figures))
    return Choice(program, programs[best] if search.chosen is None else None, best)


def _worse(figures: Mapping[Label, float]) -> bool:
    """Whether the last trial was clearly worse than the best one."""
    *_, last = figures.values()
    return last > _CLEARLY * min(figures.values())


def _tried(trial: Program, limits: Limits, one_is_there: bool) -> Compiled | None:
    """Compile a trial in half of the time left; `None` if it takes longer and another is there."""
    try:
        return compile_for(trial.fn, trial.args, limit=limits.left() / 2)
    except CompileTimeoutError:
        if one_is_there:
            return None
        raise


def _seconds(compiled: Compiled, seconds_left: Callable[[], float], clock: Clock) -> float:
    taken = run_once(compiled.call, clock)[0]
    if seconds_left() > 0:
        taken = min(run_once(compiled.call, clock)[0] for _ in range(_CALLS))
    return taken


def _bytes(compiled: Compiled, seconds_left: Callable[[], float], clock: Clock) -> float:
    del seconds_left, clock
    return float(compiled.memory.total) if compiled.memory else 0.0


def _by_error(
    search: Search, truth: Truth, limits: Limits, seconds_left: Callable[[], float]
) -> Choice:
    """Run every trial, and take the one whose result is nearest to the truth."""
    assert search.unguided is not None
    if truth.jacobian is None or search.error is None:
        return Choice(search.unguided)
    pace, programs, least = pace_of(limits.left), {}, math.inf
    errors: dict[Label, float] = {}
    for label, trial in search.trials.items():
        if id(trial.fn) not in programs:
            programs[id(trial.fn)] = pace.prepare(trial.fn, trial.args)
        before = seconds_left()
        result = programs[id(trial.fn)](*trial.args)
        errors[label] = search.error(result, truth.jacobian)
        least = min(least, before - seconds_left())
        if least * (len(search.trials) - len(errors)) > max(before, _SWEEP * limits.left()):
            note = f"{search.unguided.note}; no time for a sweep of steps"
            return Choice(search.unguided._replace(note=note))
    best = min(errors, key=lambda label: errors[label])
    return Choice(search.program(best)._replace(note=search.note(best, errors)), None, best)
