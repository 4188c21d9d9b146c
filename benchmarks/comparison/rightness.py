"""Is what a method returned right? The status of a row, before anything is timed."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..check.digits import LOST
from ..check.error import Deviation, deviation
from ..check.float64 import in_float64, run_in_float64
from ..derivatives.method import Method, ravel
from .experiment import Experiment
from .pace import pace_of
from .search import Choice, settled_again

#: How far off in float64 a derivative may be, and still be called right; or this many times the
#: epsilon of the coarsest type inside the function.
_RIGHT, _RIGHT_EPS = 1e-8, 100


class Judgement(NamedTuple):
    """What is said of a result.

    Attributes:
        status: The status of its row.
        note: Why it is not ok, or how far its digits go.
        error: The largest error of any entry, over the largest true entry; `None` where nothing
            independent is known.
    """

    status: str
    note: str = ""
    error: float | None = None


def right_or_wrong(
    method: Method, experiment: Experiment, choice: Choice, result: object, measured: Deviation
) -> Judgement:
    """Say whether a result is right, and how far off it is.

    A result that is off by more than the square root of its type's epsilon is computed again in
    float64: if it is right there, the difference is rounding, which may leave no digit; else the
    derivative is wrong. A candidate is always computed again, since nobody else has checked its
    code. A function that cannot be computed in float64 has the square root of epsilon as its limit,
    at the highest precision of matrix products.
    """
    error = measured.error if math.isfinite(measured.error) else None
    if experiment.reference_for(method)[1].trusted and method.mode in ("numerical", "symbolic"):
        return _of_the_function(method, experiment)
    if not experiment.independent(method):
        error = None
    if method.kind == "value":
        return _value(experiment, result, measured)._replace(error=error)
    if not method.exact and method.kind != "estimate":
        status, note = _difference(experiment, measured)
    else:
        status, note = _exact(method, experiment, choice, measured)
    if status == "ok" and not experiment.independent(method):
        note = _joined(note, _unchecked(method, experiment))
    return Judgement(status, note, error)


def _of_the_function(method: Method, experiment: Experiment) -> Judgement:
    """Say that a method differentiates the function, where its rule is trusted instead."""
    rule = " and ".join(experiment.reference_for(method)[1].trusted)
    note = f"of the function itself, not comparable with {rule}, which is trusted"
    return Judgement("impossible" if method.exact else "ok", note)


def _value(experiment: Experiment, result: object, measured: Deviation) -> Judgement:
    """Say whether the function's own value has its digits."""
    if experiment.problem.float64_obstacle or measured.fault <= LOST:
        return Judgement("ok")
    true, given = experiment.first.truth.value, ravel(result)
    worst = int(np.argmax(np.nan_to_num(np.abs(given - true), nan=np.inf)))
    place = "" if true.size == 1 else f" in its number {worst}"
    dtype = jnp.result_type(*experiment.problem.x)
    note = f"the value itself is off{place}: {given[worst]:.3g} in {dtype}, not {true[worst]:.3g}"
    return Judgement("inaccurate", note)


def _difference(experiment: Experiment, measured: Deviation) -> tuple[str, str]:
    """Say whether differences, which are never exact, have any digit right."""
    if not math.isfinite(measured.error):
        return "wrong", "the result is not finite"
    if measured.error <= LOST:
        return "ok", ""
    dtype = jnp.result_type(*experiment.problem.x)
    return "inaccurate", f"no digit of the difference is right in {dtype}"


def _exact(
    method: Method, experiment: Experiment, choice: Choice, measured: Deviation
) -> tuple[str, str]:
    """Return status and note of a result whose only error should be rounding."""
    dtype = jnp.result_type(*experiment.problem.x)
    limit = math.sqrt(float(jnp.finfo(dtype).eps))
    near = measured.fault <= limit
    if experiment.problem.float64_obstacle:
        fault = measured.fault if near else _fault_at_highest(method, experiment, choice)
        off = f"off by {fault:.2g} of the largest entry"
        return ("ok", "") if fault <= limit else ("wrong", off)
    if near and not method.from_user:
        return "ok", ""
    coarse = max(_RIGHT, _RIGHT_EPS * experiment.first.eps)
    if _is_retraced(method):
        coarse = max(coarse, experiment.first.constants)
    fault = _fault_in_float64(method, experiment, choice)
    if not fault <= coarse and _is_rounding(fault, method, experiment):
        return (
            "inaccurate",
            f"zero but for rounding, so no digit is right in {dtype} nor in float64",
        )
    if not fault <= coarse:
        return "wrong", f"off by {fault:.2g} of the largest entry, even in float64"
    if not measured.fault <= LOST:
        finite = "no digit is right" if math.isfinite(measured.fault) else "not finite"
        return "inaccurate", f"{finite} in {dtype}, though right in float64"
    rounding = f"rounding leaves an error of {measured.fault:.1g} in {dtype}"
    return "ok", "" if near else rounding


def _is_rounding(fault: float, method: Method, experiment: Experiment) -> bool:
    """Whether the derivative and its error are zero but for rounding, as of a softmax's sum."""
    reference = experiment.reference_for(method)[1]
    truth = reference.truth
    parts = [truth.jvp, truth.vjp, *([] if truth.jacobian is None else [truth.jacobian])]
    scale = max(float(np.max(np.abs(np.nan_to_num(part)), initial=0.0)) for part in parts)
    return fault * (scale or 1.0) <= reference.unseen


def _unchecked(method: Method, experiment: Experiment) -> str:
    """Say that no other route leads to a result, and what speaks for it."""
    reference = experiment.reference_for(method)[1]
    test = reference.taylor.get(method.mode)
    agreed = f": differences agree to {test.apart:.1g}" if test and test.near else ""
    return f"not checked independently{agreed}"


def _is_retraced(method: Method) -> bool:
    """Whether a method is more than the function: user's code, or of complex numbers."""
    return method.from_user or "complex_step" in method.requires


def _fault_in_float64(method: Method, experiment: Experiment, choice: Choice) -> float:
    """Return how far the method is off in float64, where rounding hides nothing."""
    target, truth = experiment.truth_for(method)
    result = _widened(choice, experiment) if _is_retraced(method) else None
    with in_float64(experiment.problem, experiment.probe) as (problem, probe):
        if result is None:
            description = method.build(problem, probe)
            program = settled_again(description, choice, experiment.limits)
            result = pace_of(experiment.limits.left).run(program.fn, *program.args)
        wide = target._replace(x=problem.x, fixed=problem.fixed)
        return deviation(method, result, wide, probe, truth).fault


def _widened(choice: Choice, experiment: Experiment) -> Any:
    """Return what the very program that was run gives with its floats widened."""
    fn, args = choice.program.fn, choice.program.args
    program, shapes = jax.make_jaxpr(fn, return_shape=True)(*args)
    pace = pace_of(experiment.limits.left)
    results = run_in_float64(program, jax.tree.leaves(args), pace)
    return jax.tree.unflatten(jax.tree.structure(shapes), results)


def _fault_at_highest(method: Method, experiment: Experiment, choice: Choice) -> float:
    """Return how far the method is off where matrix products are of the highest precision."""
    problem, truth = experiment.truth_for(method)
    with jax.default_matmul_precision("highest"):
        pace = pace_of(experiment.limits.left)
        result = pace.run(choice.program.fn, *choice.program.args)
    return deviation(method, result, problem, experiment.probe, truth).fault


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
