"""Is what a method returned right? The status of a row, before anything is timed."""

import math

import jax.numpy as jnp

from ..check.error import Deviation, deviation
from ..check.float64 import in_float64
from ..derivatives.method import Method
from .experiment import Experiment
from .pace import pace_of
from .search import Choice, settled_again

#: How far off in float64 a derivative may be, and still be called right; or this many times the
#: epsilon of the coarsest type inside the function.
_RIGHT, _RIGHT_EPS = 1e-8, 100


def right_or_wrong(
    method: Method, experiment: Experiment, choice: Choice, measured: Deviation
) -> tuple[str, str]:
    """Return status and note of a result.

    A result that is off by more than the square root of its type's epsilon is computed again in
    float64: if it is right there, the difference is rounding, else the derivative is wrong. A
    candidate is always computed again, since nobody else has checked its code. A function that
    cannot be computed in float64 has the square root of epsilon as its limit.
    """
    if not method.exact and method.kind != "estimate":
        finite = math.isfinite(measured.error)
        return ("ok", "") if finite else ("wrong", "the result is not finite")
    dtype = jnp.result_type(*experiment.problem.x)
    near = measured.fault <= math.sqrt(float(jnp.finfo(dtype).eps))
    if experiment.problem.float64_obstacle:
        off = f"off by {measured.fault:.2g} of the largest entry"
        return ("ok", "") if near else ("wrong", off)
    if near and not method.from_user:
        return "ok", ""
    wide = _fault_in_float64(method, experiment, choice)
    if not wide <= max(_RIGHT, _RIGHT_EPS * experiment.first.eps):
        return "wrong", f"off by {wide:.2g} of the largest entry, even in float64"
    if not math.isfinite(measured.fault):
        return "wrong", f"not finite in {dtype}, though right in float64"
    rounding = f"rounding leaves an error of {measured.fault:.1g} in {dtype}"
    return "ok", "" if near else rounding


def _fault_in_float64(method: Method, experiment: Experiment, choice: Choice) -> float:
    """Return how far the method is off in float64, where rounding hides nothing."""
    target, truth = experiment.truth_for(method)
    with in_float64(experiment.problem, experiment.probe) as (problem, probe):
        description = method.build(problem, probe)
        program = settled_again(description, choice, experiment.limits)
        result = pace_of(experiment.limits.left).run(program.fn, *program.args)
        wide = target._replace(x=problem.x, fixed=problem.fixed)
        return deviation(method, result, wide, probe, truth).fault
