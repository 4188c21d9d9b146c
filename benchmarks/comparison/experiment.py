"""A function under comparison: the problem, its reference, and the limits of its methods."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..check.directions import Pace, random_probe
from ..check.float64 import own_program, with_float64
from ..check.judge import FLOAT64_EPS
from ..check.reference import Reference, find_reference
from ..check.taylor import LINE
from ..derivatives.method import GaveUpError, Method, Probe, Truth
from ..derivatives.problem import Problem, gradient_problem
from ..instrument import units
from ..instrument.deadline import forever
from ..instrument.devices import available_memory, devices_of, on_one_device
from ..instrument.environment import matmul_precision
from ..program.messages import Obstacle, first_line, guarded
from ..program.vanishing import find_cut
from .pace import Look, pace_of
from .reading import Reading, find_stops

#: The share of the budget that a method may search with.
_SEARCH = 0.2
#: The share of the time left that the checks may take.
_CHECKING = 0.6


class Limits(NamedTuple):
    """What the methods of an experiment may take.

    Attributes:
        budget: Seconds of measuring, for all methods together.
        search_seconds: After this long a search makes do with what it has tried.
        memory: Bytes that a program may take.
        left: Returns the seconds that are left until everything must be ready to be measured.
    """

    budget: float
    search_seconds: float
    memory: float
    left: Callable[[], float] = forever


class Experiment(NamedTuple):
    """A problem with its reference and its limits.

    Attributes:
        problem: What is differentiated.
        target: The problem whose Jacobian is wanted: `problem`, or its gradient for order 2.
        probe: The directions that products are taken along.
        first: What was found of the first derivative.
        second: What was found of `target`'s derivative: `first` again for order 1.
        obstacles: What stands in the way of a mode.
        limits: What the methods may take.
        notes: What a reader should know of the function before reading the figures.
        look: What a call of the function itself takes.
        unchecked: Why there was no time to check any derivative; `""` if there was.
    """

    problem: Problem
    target: Problem
    probe: Probe
    first: Reference
    second: Reference
    obstacles: dict[str, Obstacle]
    limits: Limits
    notes: tuple[str, ...]
    look: Look = Look()
    unchecked: str = ""

    def reference_for(self, method: Method) -> tuple[Problem, Reference]:
        """Return the problem that a method's results solve, and the reference of that."""
        if method.kind in ("hvp", "hessian", "diagonal", "trace"):
            return self.target, self.second
        return self.problem, self.first

    def truth_for(self, method: Method) -> tuple[Problem, Truth]:
        """Return the problem that a method's results solve, and what they are checked against.

        Differences are differences of the function. Where a rule is trusted that says otherwise,
        they have no Jacobian to be compared with.
        """
        problem, reference = self.reference_for(method)
        truth = reference.independent_of(method.mode) or reference.truth
        if reference.trusted and method.mode == "numerical":
            truth = truth._replace(jacobian=None)
        return problem, truth

    def independent(self, method: Method) -> bool:
        """Whether what a method is checked against was found by another route than its own."""
        return self.reference_for(method)[1].independent_of(method.mode) is not None


def make_experiment(
    problem: Problem,
    reading: Reading,
    *,
    order: int,
    budget: float,
    seed: int,
    look: Look | None = None,
    left: Callable[[], float] = forever,
    rule: str = "check",
    entries: bool = True,
) -> Experiment:
    """Find the derivative of a problem as precisely as can be, within the time that is left.

    Args:
        problem: What is differentiated.
        reading: What its program tells.
        order: 1 for gradients and Jacobians, 2 for Hessians.
        budget: Seconds of measuring, for all methods together.
        seed: Draws the random directions.
        look: What a call of the function takes.
        left: Returns the seconds that the methods have until they must be measured.
        rule: `"trust"` if a custom rule of the user's is right by definition.
        entries: Whether there are methods to check that give more than products with a direction.
    """
    pace, look = pace_of(share_of(left, _CHECKING)), look or Look()
    probe, stops = on_one_device(random_probe(problem, seed), problem.x), reading.stops
    devices = devices_of((problem.x, problem.fixed))
    memory, no_memory = guarded(
        "find out how much memory is left", lambda: available_memory(devices), None
    )
    limits = Limits(budget, _SEARCH * budget, memory or math.inf, left)
    if look.why:
        first, unchecked, notes = _nothing_known(problem), f"not checked: {look.why}", problem.notes
        return Experiment(
            problem, problem, probe, first, first, stops, limits, notes, look, unchecked
        )
    modes = tuple(mode for mode in ("forward", "reverse") if mode not in stops)
    options = {"rule": rule, "entries": entries}
    problem, first, unchecked = _reference(with_float64(problem), probe, modes, pace, look, options)
    target, second = problem, first
    if order == 2 and modes:
        target = gradient_problem(problem, modes[-1])  # reverse mode is one pass, where it can be
        inner_stops, _ = find_stops(target, modes)
        modes = tuple(mode for mode in modes if mode not in inner_stops)
        inner = Probe(probe.tangent, probe.tangent)
        target, second, late = _reference(target, inner, modes, pace, look, options)
        unchecked = unchecked or late
    notes = (problem.notes if unchecked else _notes(problem, first)) + reading.notes
    notes += (no_memory,) if no_memory else ()
    return Experiment(problem, target, probe, first, second, stops, limits, notes, look, unchecked)


def share_of(left: Callable[[], float], share: float) -> Callable[[], float]:
    """Return a function that counts down a share of the time that is left now."""
    rest = (1 - share) * left()
    return forever if math.isinf(rest) else lambda: left() - rest


def _reference(
    problem: Problem,
    probe: Probe,
    modes: tuple[str, ...],
    pace: Pace,
    look: Look,
    options: Mapping[str, Any],
) -> tuple[Problem, Reference, str]:
    """Find the reference; or nothing, and why there is no time to check any derivative.

    It is found in float64, or in the problem's own type if no program can be made there, which the
    problem that is returned knows. A function that does not run in its own type either raises what
    it raises, unless it has run at the point itself: then nothing can be checked.
    """
    runs = len(LINE)
    least = runs * look.at_least
    if least > pace.left():
        why = f"{runs} runs of the function take at least {units.seconds(least)}, which is too long"
        return problem, _nothing_known(problem), f"not checked: {why}"
    try:
        return problem, find_reference(problem, probe, modes, pace, **options), ""
    except GaveUpError as error:
        return problem, _nothing_known(problem), f"not checked: {error}"
    except Exception as error:
        if problem.wide is None and look.seconds is not None:
            why = f"it does not run beside the point ({first_line(error)})"
            return problem, _nothing_known(problem), f"not checked: {why}"
        if problem.wide is None:
            raise
        obstacle = f"it does not run there ({first_line(error)})"
        own = problem._replace(wide=None, float64_obstacle=obstacle)
        return _reference(own, probe, modes, pace, look, options)


def _nothing_known(problem: Problem) -> Reference:
    value, inputs = np.full(problem.m, np.nan), np.full(problem.n, np.nan)
    truth = Truth(value, value, inputs, None, "nothing, for want of time")
    return Reference({"nothing": truth}, {}, {}, 0.0)


def _notes(problem: Problem, first: Reference) -> tuple[str, ...]:
    kink = ("the function has a kink at this point",) if first.kink else ()
    why = "; a part of the function is of a narrower type" if first.eps > FLOAT64_EPS else ""
    why = f", not in float64: {problem.float64_obstacle}" if problem.float64_obstacle else why
    trusted = f", by {' and '.join(first.trusted)}, which is trusted" if first.trusted else ""
    checked = f"{_checked(first)}{trusted}{why}{_precision(problem)}"
    if not np.all(np.isfinite(first.truth.value)):
        checked = ""  # there is nothing to check
    zero, fault = guarded("look for what cuts the derivative", lambda: _zero(problem, first), "")
    said = (*problem.notes, checked, *kink, *first.notes, zero, fault)
    return tuple(note for note in said if note)


def _checked(first: Reference) -> str:
    """Say what derivatives are checked against, and whether that is itself checked."""
    if not all(test.told for test in first.taylor.values()) and first.eps <= FLOAT64_EPS:
        return f"derivatives not checked independently: {untold(first)}"
    made = next(iter(first.truths))
    if made in first.taylor and first.independent_of(made) is None:
        return f"derivatives compared with {first.truth.source}, itself not checked independently"
    return f"derivatives checked against {first.truth.source}"


def untold(reference: Reference) -> str:
    """Say why the function's values tell nothing of its derivative, and what speaks for it."""
    apart = reference.apart
    agreed = f"; forward and reverse mode agree to {apart:.1g}" if apart is not None else ""
    return f"at no step do differences settle{agreed}"


def _precision(problem: Problem) -> str:
    """Say at what precision of matrix products times are taken, if it is not that of the check."""
    given = matmul_precision()
    if given == "highest" or (given == "default" and _platform(problem) == "cpu"):
        return ""
    return f"; matrix products of the highest precision there, and of {given} precision in times"


def _platform(problem: Problem) -> str:
    return devices_of((problem.x, problem.fixed))[0].platform


def _zero(problem: Problem, first: Reference) -> str:
    """Say that the derivative is zero at every point, and what cuts it; `""` if it is not."""
    if np.any(first.truth.jvp) or np.any(np.nan_to_num(first.truth.vjp)):
        return ""
    program = own_program(problem)
    cut = find_cut(program, [True] * len(problem.x) + [False] * len(problem.fixed))
    return f"the derivative is zero everywhere: {cut}" if cut else ""
