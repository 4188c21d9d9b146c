"""Why a method is not tried on a function: it cannot be, its mode is wrong, or it is too much."""

import jax.numpy as jnp
import numpy as np

from ..derivatives.method import Method
from ..derivatives.problem import Problem
from ..instrument import units
from ..instrument.timing import MIN_ROUNDS
from .experiment import Experiment

#: Least cost of one pass in a batch, as a share of a single pass; a method that exceeds the budget
#: even so is skipped.
_BATCHED = 0.01
#: A method may take this share of the time that is left, so that one leaves some to the others.
SHARE = 0.5


def refusal(method: Method, experiment: Experiment) -> tuple[str, str] | None:
    """Return the status and the note of a method that is not tried, `None` of one that is."""
    return _not_allowed(method, experiment) or _too_long(method, experiment)


def _not_allowed(method: Method, experiment: Experiment) -> tuple[str, str] | None:
    """Return why a method is not tried: the function does not allow it, or its mode is wrong."""
    if experiment.unchecked:
        return "skipped", experiment.unchecked
    value = experiment.first.truth.value
    astray = value.size - np.count_nonzero(np.isfinite(value))
    if astray:
        return "failed", f"at this point {astray:,} of {value.size:,} outputs are NaN or infinite"
    if "scalar" in method.requires and not experiment.problem.scalar:
        return (
            "impossible",
            f"needs a function of one output, this one has {experiment.problem.m:,}",
        )
    for name in method.requires:
        if name in experiment.obstacles:
            return "impossible", str(experiment.obstacles[name])
    for mode in method.requires:
        unchecked = (experiment.first.unchecked or {}) | (experiment.second.unchecked or {})
        if mode in unchecked:
            return "skipped", unchecked[mode]
        fault = experiment.first.wrong.get(mode) or experiment.second.wrong.get(mode)
        if fault:
            return "wrong", fault
    return None


def _too_long(method: Method, experiment: Experiment) -> tuple[str, str] | None:
    """Return status and note of a method that is out of reach by its passes or its result alone."""
    size = _result_bytes(method, experiment.problem)
    if size > experiment.limits.memory:
        limit = units.size(experiment.limits.memory)
        return "failed", f"out of memory: its result alone is {units.size(size)} of {limit}"
    least, limits = least_seconds(method, experiment), experiment.limits
    if least * MIN_ROUNDS < limits.budget and least < SHARE * limits.left():
        return None
    if limits.left() <= 0:
        return "skipped", "not tried: no time was left"
    passes = method.evaluations(experiment.problem.n, experiment.problem.m)
    return "skipped", f"{passes:,} passes, at least {units.seconds(least)} a call"


def least_seconds(method: Method, experiment: Experiment) -> float:
    """Return the seconds that a call takes at least, by what the function itself takes."""
    passes = method.evaluations(experiment.problem.n, experiment.problem.m)
    whole = method.mode in ("none", "numerical")
    return passes * (1.0 if whole else _BATCHED) * experiment.look.at_least


def _result_bytes(method: Method, problem: Problem) -> int:
    """Return the bytes of a dense result; 0 where a method returns less, or anything at all."""
    if method.kind not in ("jacobian", "hessian") or method.from_user:
        return 0
    width = problem.n if method.kind == "hessian" else problem.m
    return problem.n * width * jnp.result_type(*problem.x).itemsize
