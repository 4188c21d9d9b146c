"""What methods are checked against: products of the modes that passed, and a Jacobian if it agrees.

The Jacobian is built without the code that the methods are made of; it must agree with the products
and with the function along a line, or it is not used.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from ..derivatives.method import Probe, Truth, Zeros, ravel
from ..derivatives.problem import Problem
from .dense import dense_jacobian
from .directions import UNHURRIED, Pace, along
from .error import relative_error
from .judge import Line, judge
from .zeros import rows_without_rounding

#: A larger Jacobian, or one of more passes, is checked along directions, not entry by entry.
DENSE_ENTRIES, DENSE_PASSES = 4_000_000, 4096
#: How far the products of a Jacobian may be from those taken by themselves, in float64.
_AGREEMENT = 1e-6


def consistent(products: dict[str, np.ndarray], probe: Probe) -> dict[str, np.ndarray]:
    """Return the products that are finite, and none of two that contradict each other."""
    finite = {mode: one for mode, one in products.items() if np.all(np.isfinite(one))}
    apart = disagreement(finite, probe)
    return finite if apart is None or apart <= _AGREEMENT else {}


def disagreement(products: dict[str, np.ndarray], probe: Probe) -> float | None:
    """Return how far two modes are from each other; `None` if there are not two that are finite."""
    if len(products) < 2 or not all(np.all(np.isfinite(one)) for one in products.values()):
        return None
    pushed = ravel(probe.cotangent) @ products["forward"]
    pulled = products["reverse"] @ ravel(probe.tangent)
    return relative_error(np.array(pushed), np.array(pulled))


def find_truths(
    problem: Problem,
    probe: Probe,
    line: Line,
    passed: dict[str, np.ndarray],
    pace: Pace = UNHURRIED,
    *,
    allowed: float = 0.0,
    zeros: Zeros | None = None,
    entries: bool = True,
) -> dict[str, Truth]:
    """Return the truth that all modes have a part in; in a coarse type, one for each mode.

    Args:
        problem: What is differentiated, in float64 if it can be.
        probe: The directions that products are taken along.
        line: The function along the tangent.
        passed: The products of the modes that passed.
        pace: How programs are run. Where a Jacobian would take too long there is none.
        allowed: How far from a difference quotient the Jacobian may be.
        zeros: Which outputs are constant but for rounding.
        entries: Whether a Jacobian is wanted, beside the products.
    """
    options: dict[str, Any] = {"allowed": allowed, "entries": entries}
    if line.coarse and len(passed) > 1:
        return {
            mode: _truth(problem, probe, line, {mode: product}, pace, **options)
            for mode, product in passed.items()
        }
    first = min(passed, default="differences")
    return {first: _truth(problem, probe, line, passed, pace, zeros=zeros, **options)}


def _truth(
    problem: Problem,
    probe: Probe,
    line: Line,
    passed: dict[str, np.ndarray],
    pace: Pace,
    *,
    allowed: float,
    entries: bool,
    zeros: Zeros | None = None,
) -> Truth:
    """Join the products that passed; what they leave open, the Jacobian or a difference gives."""
    jacobian, source = _dense_truth(problem, line, tuple(passed), pace, entries=entries)
    jacobian = None if jacobian is None else rows_without_rounding(jacobian, zeros)
    if jacobian is not None and not _agrees(jacobian, probe, line, passed, allowed=allowed):
        jacobian, source = None, f"{source} along one direction; its Jacobian did not agree"
    jvp, vjp = passed.get("forward"), passed.get("reverse")
    if jvp is None and jacobian is not None:
        jvp = jacobian @ ravel(probe.tangent)
    if vjp is None and jacobian is not None:
        vjp = ravel(probe.cotangent) @ jacobian
    jvp = _difference(problem, probe, line, pace) if jvp is None else jvp
    vjp = np.full(problem.n, np.nan) if vjp is None else vjp
    return Truth(line.value, jvp, vjp, jacobian, source, zeros)


def _difference(problem: Problem, probe: Probe, line: Line, pace: Pace) -> np.ndarray:
    """Return the difference quotient of each output along the line."""
    if line.weights is None:
        return line.quotient
    step = line.eps ** (1 / 3)
    ahead, behind = along(problem, probe.tangent, np.array([step, -step]), pace)
    return (ahead.astype(np.float64) - behind) / (2 * step)


def _agrees(
    jacobian: np.ndarray,
    probe: Probe,
    line: Line,
    passed: dict[str, np.ndarray],
    *,
    allowed: float,
) -> bool:
    """Whether a Jacobian gives the products that passed, and the difference along the line."""
    given = {
        "forward": jacobian @ ravel(probe.tangent),
        "reverse": ravel(probe.cotangent) @ jacobian,
    }
    limit = max(_AGREEMENT, line.eps**0.5)
    if any(not relative_error(given[mode], true) <= limit for mode, true in passed.items()):
        return False
    return judge(line, probe, "forward", given["forward"], max(limit, allowed)).right


def _dense_truth(
    problem: Problem, line: Line, passed: tuple[str, ...], pace: Pace, *, entries: bool
) -> tuple[np.ndarray | None, str]:
    """Take the whole Jacobian by the mode of fewest passes that passed, else by differences."""
    passes = {"forward": problem.n, "reverse": problem.m}
    mode = min(passed, key=lambda mode: passes[mode], default="differences")
    source = f"{jnp.result_type(*problem.x)} {mode}" + (" mode" if passed else "")
    small = problem.n * problem.m <= DENSE_ENTRIES
    if not entries:
        return None, f"{source} along directions"
    if not small or passes.get(mode, problem.n) > DENSE_PASSES:
        return None, source
    jacobian = dense_jacobian(problem, mode, pace, eps=line.eps)
    return jacobian, source + (" along directions, for want of time" if jacobian is None else "")
