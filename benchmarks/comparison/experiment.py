"""A function under comparison: the problem, its reference, and the limits of its methods."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from ..check.directions import random_probe
from ..check.float64 import own_program, with_float64
from ..check.judge import FLOAT64_EPS
from ..check.reference import Reference, find_reference
from ..derivatives.method import Method, Probe, Truth
from ..derivatives.problem import Problem, gradient_problem, make_problem
from ..instrument.compile import available_memory
from ..instrument.environment import matmul_precision
from ..program.arguments import Argnums
from ..program.messages import Obstacle, first_line, guarded
from ..program.obstacles import obstacles
from ..program.vanishing import find_cut

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

    def reference_for(self, method: Method) -> tuple[Problem, Reference]:
        """Return the problem that a method's results solve, and the reference of that."""
        if method.kind in ("hvp", "hessian"):
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
    fn: Callable[..., object],
    inputs: tuple,
    *,
    argnums: Argnums,
    order: int,
    budget: float,
    seed: int,
    rule: str = "check",
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
    problem = with_float64(problem)
    probe = random_probe(problem, seed)
    stops, note = _obstacles(problem)
    modes = tuple(mode for mode in ("forward", "reverse") if mode not in stops)
    problem, first = _referenced(problem, probe, modes, rule)
    target, second = problem, first
    if order == 2 and modes:
        target = gradient_problem(problem, modes[-1])  # reverse mode is one pass, where it can be
        inner_stops, _ = _obstacles(target)
        modes = tuple(mode for mode in modes if mode not in inner_stops)
        second = find_reference(target, Probe(probe.tangent, probe.tangent), modes, rule=rule)
    limits = Limits(budget, _SEARCH * budget, available_memory() or math.inf)
    notes = _notes(problem, first) + ((note,) if note else ())
    return Experiment(problem, target, probe, first, second, stops, limits, notes)


def _referenced(
    problem: Problem, probe: Probe, modes: tuple[str, ...], rule: str
) -> tuple[Problem, Reference]:
    """Find the reference in float64, or in the problem's own type if no program can be made there.

    A function that does not run in its own type either raises what it raises.
    """
    try:
        return problem, find_reference(problem, probe, modes, rule=rule)
    except Exception as error:
        if problem.wide is None:
            raise
        obstacle = f"it does not run there ({first_line(error)})"
        own = problem._replace(wide=None, float64_obstacle=obstacle)
        return own, find_reference(own, probe, modes, rule=rule)


def _obstacles(problem: Problem) -> tuple[dict[str, Obstacle], str]:
    """Find what stands in the way of each mode, and say so if the search itself fails.

    What is held fixed is as unknown to the search as to the compiled program.
    """
    return guarded(
        "look for obstacles",
        lambda: obstacles(problem.fn, problem.x, problem.fixed, argnums=0),
        {},
    )


def _notes(problem: Problem, first: Reference) -> tuple[str, ...]:
    kink = ("the function has a kink at this point",) if first.kink else ()
    why = "; a part of the function is of a narrower type" if first.eps > FLOAT64_EPS else ""
    why = f", not in float64: {problem.float64_obstacle}" if problem.float64_obstacle else why
    trusted = f", by {' and '.join(first.trusted)}, which is trusted" if first.trusted else ""
    checked = f"derivatives checked against {first.truth.source}{trusted}{why}{_precision()}"
    zero, fault = guarded("look for what cuts the derivative", lambda: _zero(problem, first), "")
    said = (*problem.notes, checked, *kink, *first.notes, zero, fault)
    return tuple(note for note in said if note)


def _precision() -> str:
    """Say at what precision of matrix products times are taken, if it is not that of the check."""
    given = matmul_precision()
    if given == "highest" or (given == "default" and jax.default_backend() == "cpu"):
        return ""
    return f"; matrix products of the highest precision there, and of {given} precision in times"


def _zero(problem: Problem, first: Reference) -> str:
    """Say that the derivative is zero at every point, and what cuts it; `""` if it is not."""
    if np.any(first.truth.jvp) or np.any(np.nan_to_num(first.truth.vjp)):
        return ""
    program = own_program(problem)
    cut = find_cut(program, [True] * len(problem.x) + [False] * len(problem.fixed))
    return f"the derivative is zero everywhere: {cut}" if cut else ""
