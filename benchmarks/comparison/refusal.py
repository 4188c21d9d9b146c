"""Why a method is not tried on a function: it cannot be, its mode is wrong, or it is too much."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from ..derivatives.method import Method
from ..derivatives.problem import Problem
from ..instrument import units
from ..instrument.devices import available_memory, devices_of
from ..instrument.timing import MIN_ROUNDS
from ..program.messages import guarded
from ..program.probes import NO_SYMPY
from .experiment import Experiment

#: Least cost of one pass in a batch, as a share of a single pass; a method that exceeds the budget
#: even so is skipped.
_BATCHED = 0.01
#: A method may take this share of the time that is left, so that one leaves some to the others.
SHARE = 0.5


def refusal(method: Method, experiment: Experiment) -> tuple[str, str] | None:
    """Return the status and the note of a method that is not tried, `None` of one that is."""
    return (
        _too_large(method, experiment.problem, experiment.limits.memory)
        or _not_allowed(method, experiment)
        or _too_long(method, experiment)
    )


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
            obstacle = experiment.obstacles[name]
            status = "skipped" if obstacle.reason == NO_SYMPY else "impossible"
            return status, str(obstacle)
    if method.kind in ("diagonal", "trace") and experiment.second.truth.jacobian is None:
        return "skipped", "not checked: there is no room or time for the Hessian to check it by"
    for mode in method.requires:
        unchecked = (experiment.first.unchecked or {}) | (experiment.second.unchecked or {})
        if mode in unchecked:
            return "skipped", unchecked[mode]
        fault = experiment.first.wrong.get(mode) or experiment.second.wrong.get(mode)
        if fault:
            return "wrong", fault
    return None


def _too_large(method: Method, problem: Problem, memory: float) -> tuple[str, str] | None:
    """Return status and note of a method whose result alone does not fit."""
    size = _result_bytes(method, problem)
    if size <= memory:
        return None
    return (
        "failed",
        f"out of memory: its result alone is {units.size(size)} of {units.size(memory)}",
    )


def without_room(methods: Sequence[Method], problem: Problem) -> str:
    """Say of which methods the result alone does not fit in memory; `""` of none."""
    devices = devices_of((problem.x, problem.fixed))
    memory, _ = guarded("find out how much memory is left", lambda: available_memory(devices), None)
    large = [one for one in methods if _too_large(one, problem, memory or math.inf)]
    if not large:
        return ""
    size = units.size(_result_bytes(large[0], problem))
    return f"the result alone takes {size} of {units.size(memory or math.inf)}"


def _too_long(method: Method, experiment: Experiment) -> tuple[str, str] | None:
    """Return status and note of a method that is out of reach by its passes."""
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
