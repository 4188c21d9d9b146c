"""Is what a method returned right? The status of a row, before anything is timed."""

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from ..check.digits import LOST
from ..check.error import Deviation
from ..check.judge import FLOAT64_EPS
from ..check.noise import COARSE, MARGIN
from ..derivatives.method import Method, ravel
from .again import at_highest, coarsely, is_retraced, precisely
from .endings import joined
from .experiment import Experiment, untold
from .search import Choice

#: How far off in float64 a derivative may be, and still be called right; or this many times the
#: epsilon of the coarsest type inside the function.
_RIGHT, _RIGHT_EPS = 1e-8, 100


class Judgement(NamedTuple):
    """What is said of a result.

    Attributes:
        status: The status of its row.
        note: Why it is not ok, or how far its digits go.
        error: The largest error of any entry, over the largest true entry; `None` where nothing
            independent is known, or there is nothing but rounding.
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
    finite = measured.error is not None and math.isfinite(measured.error)
    error = measured.error if finite else None
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
        note = joined(note, _unchecked(method, experiment))
    return Judgement(status, note, error)


def _of_the_function(method: Method, experiment: Experiment) -> Judgement:
    """Say that a method differentiates the function, where its rule is trusted instead."""
    rule = " and ".join(experiment.reference_for(method)[1].trusted)
    note = f"of the function itself, not comparable with {rule}, which is trusted"
    return Judgement("impossible" if method.exact else "ok", note)


def _value(experiment: Experiment, result: object, measured: Deviation) -> Judgement:
    """Say whether the function's own value has its digits."""
    zeros = measured.left <= MARGIN * _eps(experiment)
    if experiment.problem.float64_obstacle or (measured.fault <= LOST and zeros):
        return Judgement("ok", _zero(measured))
    true, given = experiment.first.truth.value, ravel(result)
    worst = int(np.argmax(np.nan_to_num(np.abs(given - true), nan=np.inf)))
    place = "" if true.size == 1 else f" in its number {worst}"
    dtype = jnp.result_type(*experiment.problem.x)
    note = f"the value itself is off{place}: {given[worst]:.3g} in {dtype}, not {true[worst]:.3g}"
    return Judgement("inaccurate", note)


def _difference(experiment: Experiment, measured: Deviation) -> tuple[str, str]:
    """Say whether differences, which are never exact, have any digit right."""
    error = measured.error or 0.0
    dtype = jnp.result_type(*experiment.problem.x)
    if not math.isfinite(error + measured.left):
        return "inaccurate", f"the difference is not finite in {dtype}"
    if error <= LOST and measured.left <= LOST:
        return "ok", _zero(measured)
    return "inaccurate", f"no digit of the difference is right in {dtype}"


def _exact(
    method: Method, experiment: Experiment, choice: Choice, measured: Deviation
) -> tuple[str, str]:
    """Return status and note of a result whose only error should be rounding."""
    dtype = jnp.result_type(*experiment.problem.x)
    limit = math.sqrt(float(jnp.finfo(dtype).eps))
    zeros = measured.left <= MARGIN * _eps(experiment)
    near = measured.fault <= limit and zeros
    told = experiment.reference_for(method)[1].tells(method.mode)
    if experiment.problem.float64_obstacle:
        fault = measured.fault if near else at_highest(method, experiment, choice)
        off = f"off by {fault:.2g} of the largest entry"
        return ("ok", "") if fault <= limit else ("wrong" if told else "inaccurate", off)
    if near and not method.from_user:
        return "ok", _zero(measured)
    coarse = max(_RIGHT, _RIGHT_EPS * experiment.first.eps)
    if is_retraced(method):
        coarse = max(coarse, experiment.first.constants)
    precise = precisely(method, experiment, choice)
    tiny = MARGIN * max(experiment.first.eps, FLOAT64_EPS)
    if not (precise.fault <= coarse and precise.left <= tiny):
        rough = None if experiment.first.kink else coarsely(method, experiment, choice)
        if rough is None or not _is_rounding(precise, rough, coarse, tiny):
            return "wrong" if told else "inaccurate", _how_wrong(precise, coarse)
    right = "though right in float64" if precise.fault <= LOST else "by rounding alone"
    if not measured.fault <= LOST:
        finite = "no digit is right" if math.isfinite(measured.fault) else "not finite"
        return "inaccurate", f"{finite} in {dtype}, {right}"
    if not zeros:
        zero = f"up to {measured.largest:.1g} where the derivative is zero"
        return "inaccurate", f"{zero} in {dtype}, {right}"
    rounding = "" if near else f"rounding leaves an error of {measured.fault:.1g} in {dtype}"
    return "ok", joined(rounding, _zero(measured))


def _eps(experiment: Experiment) -> float:
    """Return the machine epsilon of the coarsest type that is timed."""
    dtype = jnp.result_type(*experiment.problem.x)
    return max(float(jnp.finfo(dtype).eps), experiment.first.eps)


def _zero(measured: Deviation) -> str:
    """Say of what is zero but for rounding how much rounding leaves, and of what."""
    if not measured.left:
        return ""
    part = "" if measured.error is None else "a part of it is "
    size = measured.largest / measured.left
    return (
        f"{part}zero but for rounding, which leaves up to {measured.largest:.1g} "
        f"of terms of {size:.1g} that cancel"
    )


def _how_wrong(precise: Deviation, coarse: float) -> str:
    """Say by how much a result is off in float64, where rounding hides nothing."""
    if precise.fault <= coarse:
        return f"up to {precise.largest:.2g} where the derivative is zero, even in float64"
    return f"off by {precise.fault:.2g} of the largest entry, even in float64"


def _is_rounding(precise: Deviation, rough: Deviation, coarse: float, tiny: float) -> bool:
    """Whether an error in float64 is as much smaller as its rounding is than a coarser one."""
    grows = MARGIN * FLOAT64_EPS / COARSE
    return precise.fault <= max(coarse, grows * rough.fault) and precise.left <= max(
        tiny, grows * rough.left
    )


def _unchecked(method: Method, experiment: Experiment) -> str:
    """Say that no other route leads to a result, and what speaks for it."""
    reference = experiment.reference_for(method)[1]
    test = reference.taylor.get(method.mode)
    if not reference.tells(method.mode):
        return f"not checked independently: {untold(reference)}"
    agreed = f": differences agree to {test.apart:.1g}" if test and test.near else ""
    return f"not checked independently{agreed}"
