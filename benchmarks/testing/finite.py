"""Whether a function and its derivatives are finite, and which operation is to blame if not."""

import jax
import numpy as np

from ..check.directions import random_probe
from ..check.judge import take
from ..comparison.nonfinite import explain_nonfinite
from ..derivatives.method import GaveUpError, ravel
from ..derivatives.problem import make_problem
from ..instrument.deadline import TimeUpError
from ..instrument.unwatched import unwatched
from .looked_at import SEED, Subject, out_of_time

#: What is neither NaN nor infinite, but has no digits.
_FINITE = ("cancellation", "rounding", "underflow")


def not_finite(subject: Subject, *, mode: str | None, digits: bool) -> str:
    """Say which operation makes the first NaN or infinity, and the cure; `""` if none does.

    Args:
        subject: The function.
        mode: `"value"`, `"forward"` or `"reverse"` to look at that alone; `None` for all three.
        digits: Whether lost digits are a fault too.

    Raises:
        ValueError: If `mode` is out of range.
    """
    found = explain_nonfinite(
        subject.fn,
        *subject.inputs,
        argnums=subject.argnums,
        has_aux=subject.has_aux,
        mode=mode,
        time_limit=subject.time_limit,
    )
    if found.fine:
        return ""
    if not found.what and not found.modes:
        return f"{out_of_time(subject)} ({found.unknown})"
    lost = found.what in _FINITE and all(_is_finite(subject, one) for one in found.modes)
    return "" if lost and not digits else f"{subject.name}: {found}"


def _is_finite(subject: Subject, part: str) -> bool:
    """Whether a value or a product by a mode holds neither NaN nor infinity."""
    problem = make_problem(
        subject.fn, subject.inputs, argnums=subject.argnums, has_aux=subject.has_aux
    )
    try:
        with unwatched():
            if part == "value":
                result = ravel(jax.jit(problem.fn)(problem.x, problem.fixed))
            else:
                result = take(problem, random_probe(problem, SEED), part)
    except (GaveUpError, TimeUpError):
        return False
    return bool(np.all(np.isfinite(result)))
