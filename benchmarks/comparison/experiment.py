"""A function under comparison: the problem, its reference, and the limits of its methods."""

import math
from collections.abc import Callable
from typing import NamedTuple

from ..check.directions import random_probe
from ..check.float64 import find_float64_obstacle
from ..check.reference import Reference, find_reference
from ..derivatives.method import Method, Probe, Truth
from ..derivatives.problem import Problem, gradient_problem, make_problem
from ..instrument.compile import available_memory
from ..program.arguments import Argnums
from ..program.messages import Obstacle, guarded
from ..program.obstacles import obstacles

#: The share of the budget that a method may search with.
_SEARCH = 0.2


class Limits(NamedTuple):
    """What the methods of an experiment may take.

    Attributes:
        budget: Seconds of measuring, for all methods together.
        search_seconds: After this long a search makes do with what it has tried.
        memory: Bytes that a program may take.
    """

    budget: float
    search_seconds: float
    memory: float


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
    """

    problem: Problem
    target: Problem
    probe: Probe
    first: Reference
    second: Reference
    obstacles: dict[str, Obstacle]
    limits: Limits
    notes: tuple[str, ...]

    def truth_for(self, method: Method) -> tuple[Problem, Truth]:
        """Return the problem that a method's results solve, and what they are checked against."""
        if method.kind in ("hvp", "hessian"):
            return self.target, self.second.truth
        return self.problem, self.first.truth


def make_experiment(
    fn: Callable[..., object],
    inputs: tuple,
    *,
    argnums: Argnums,
    order: int,
    budget: float,
    seed: int,
) -> Experiment:
    """Trace the function, and find its obstacles and its derivative as precisely as can be.

    Raises:
        TypeError: If the function is not callable, takes complex inputs, or returns no arrays.
        ValueError: If `argnums` is out of range, there is nothing to differentiate, or `order=2`
            meets a function of several outputs.
    """
    problem = make_problem(fn, inputs, argnums=argnums)
    if order == 2 and not problem.scalar:
        raise ValueError(
            f"order=2 takes Hessians of scalar functions; this one has {problem.m} outputs: "
            "compare one of them, or a sum"
        )
    problem = problem._replace(float64_obstacle=find_float64_obstacle(problem))
    probe = random_probe(problem, seed)
    stops, note = _obstacles(problem)
    modes = tuple(mode for mode in ("forward", "reverse") if mode not in stops)
    first = find_reference(problem, probe, modes)
    target, second = problem, first
    if order == 2 and modes:
        target = gradient_problem(problem, modes[-1])  # reverse mode is one pass, where it can be
        inner_stops, _ = _obstacles(target)
        modes = tuple(mode for mode in modes if mode not in inner_stops)
        second = find_reference(target, Probe(probe.tangent, probe.tangent), modes)
    memory, no_memory = guarded("find out how much memory is left", available_memory, None)
    limits = Limits(budget, _SEARCH * budget, memory or math.inf)
    notes = _notes(problem, first) + tuple(filter(None, (note, no_memory)))
    return Experiment(problem, target, probe, first, second, stops, limits, notes)


def _obstacles(problem: Problem) -> tuple[dict[str, Obstacle], str]:
    """Find what stands in the way of each mode, and say so if the search itself fails.

    Fixed inputs are traced as arguments, as in the compiled program.
    """
    return guarded(
        "look for obstacles",
        lambda: obstacles(problem.fn, problem.x, problem.fixed, argnums=0),
        {},
    )


def _notes(problem: Problem, first: Reference) -> tuple[str, ...]:
    kink = ("the function has a kink at this point",) if first.kink else ()
    why = f", not in float64: {problem.float64_obstacle}" if problem.float64_obstacle else ""
    checked = f"derivatives checked against {first.truth.source}{why}"
    return (*problem.notes, checked, *kink, *first.notes)
