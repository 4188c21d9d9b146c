"""One function under comparison: what stands in its way, what is true of it, what is allowed."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..check.float64 import why_narrow
from ..check.reference import Reference, gradient_problem, random_probe, reference
from ..derivatives import Context, Method, Probe, Truth
from ..derivatives.problem import Problem, problem
from ..instrument.timing import available_memory
from ..program import Obstacle, obstacles

#: The share of the budget that a method may search with.
_SEARCH = 0.2


class Case(NamedTuple):
    """One function under comparison, with all that its methods are built and checked with.

    Attributes:
        problem: What is differentiated.
        target: The problem whose Jacobian is wanted: `problem`, or its gradient for order 2.
        context: What methods are built with; its truth is that of `problem`.
        first: What was found of the first derivative.
        second: What was found of `target`'s derivative: `first` again for order 1.
        obstacles: What stands in the way of a mode.
        budget: Seconds of measuring.
    """

    problem: Problem
    target: Problem
    context: Context
    first: Reference
    second: Reference
    obstacles: dict[str, Obstacle]
    budget: float

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of the function before reading the figures."""
        kink = ("the function has a kink at this point",) if self.first.kink else ()
        checked = f"derivatives checked against {self.first.truth.source}"
        narrow = self.problem.narrow and f", not in float64: {self.problem.narrow}"
        return (*self.problem.notes, checked + narrow, *kink)

    def truth_for(self, method: Method) -> tuple[Problem, Truth]:
        """What the results of a method are checked against, and the problem they solve."""
        if method.kind in ("hvp", "hessian"):
            return self.target, self.second.truth
        return self.problem, self.first.truth


def make_case(
    fn: Callable[..., Any],
    inputs: tuple,
    *,
    argnums: int | Sequence[int] | None,
    order: int,
    budget: float,
    seed: int,
) -> Case:
    """Traces the function, finds its obstacles, and its derivative as precisely as can be.

    Raises:
        TypeError: See `problem`.
        ValueError: See `problem`; and if `order=2` meets a function of several outputs.
    """
    found = problem(fn, inputs, argnums=argnums)
    if order == 2 and not found.scalar:
        raise ValueError(
            f"order=2 takes Hessians of scalar functions; this one has {found.m} outputs: "
            "compare one of them, or a sum"
        )
    found = found._replace(narrow=why_narrow(found))
    probe = random_probe(found, seed)
    stops = _obstacles(found)
    modes = tuple(mode for mode in ("forward", "reverse") if mode not in stops)
    first = reference(found, probe, modes)
    target, second = found, first
    if order == 2 and modes:
        target = gradient_problem(found, modes[-1])  # reverse mode is one pass, where it can be
        second_stops = _obstacles(target)
        modes = tuple(mode for mode in modes if mode not in second_stops)
        second = reference(target, Probe(probe.tangent, probe.tangent), modes)
    limit = available_memory() or math.inf
    context = Context(probe, first.truth, limit, _SEARCH * budget)
    return Case(found, target, context, first, second, stops, budget)


def _obstacles(problem: Problem) -> dict[str, Obstacle]:
    """What stands in the way of each mode, with what is held fixed as unknown as it is compiled."""
    return obstacles(problem.fn, problem.x, problem.fixed, argnums=0)
