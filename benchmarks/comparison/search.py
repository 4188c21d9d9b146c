"""From a method's description to one compiled program: prepare it, or choose among its trials."""

from collections.abc import Callable
from typing import NamedTuple

import jax

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
from ..instrument.compile import Compiled, compile_for
from ..instrument.timing import run_once
from .experiment import Limits

#: How many calls each trial makes; its time is the fastest.
_CALLS = 3


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
    """
    if isinstance(description, Program):
        return Choice(description)
    seconds_left = time_left(limits.search_seconds, clock)
    if isinstance(description, Preparation):
        return Choice(description.make(seconds_left))
    if description.by == "error":
        return _by_error(description, truth)
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
    """Compile one trial after the other, until one is too large or time is up."""
    figures: dict[Label, float] = {}
    programs: dict[Label, Compiled] = {}
    for label, trial in search.trials.items():
        if figures and search.by == "seconds" and seconds_left() < 0:
            break
        compiled = compile_for(trial.fn, trial.args)
        if compiled.memory and compiled.memory.total > limits.memory:
            break
        figures[label] = figure(compiled, seconds_left, clock)
        programs[label] = compiled
    if not figures:
        raise InfeasibleError(f"not even the smallest trial fits {limits.memory:.3g} bytes")
    best = min(figures, key=lambda label: figures[label])
    program = search.program(best)._replace(note=search.note(best, figures))
    return Choice(program, programs[best] if search.chosen is None else None, best)


def _seconds(compiled: Compiled, seconds_left: Callable[[], float], clock: Clock) -> float:
    taken = run_once(compiled.call, clock)[0]
    if seconds_left() > 0:
        taken = min(run_once(compiled.call, clock)[0] for _ in range(_CALLS))
    return taken


def _bytes(compiled: Compiled, seconds_left: Callable[[], float], clock: Clock) -> float:
    del seconds_left, clock
    return float(compiled.memory.total) if compiled.memory else 0.0


def _by_error(search: Search, truth: Truth) -> Choice:
    """Run every trial, and take the one whose result is nearest to the truth."""
    if truth.jacobian is None or search.error is None:
        assert search.unguided is not None
        return Choice(search.unguided)
    compiled = {id(trial.fn): jax.jit(trial.fn) for trial in search.trials.values()}
    errors: dict[Label, float] = {}
    for label, trial in search.trials.items():
        errors[label] = search.error(compiled[id(trial.fn)](*trial.args), truth.jacobian)
    best = min(errors, key=lambda label: errors[label])
    return Choice(search.program(best)._replace(note=search.note(best, errors)), None, best)
