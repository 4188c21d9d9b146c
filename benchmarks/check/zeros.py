"""Outputs that are constant but for rounding, such as the sum of a softmax: their derivative is 0.

In float64 too it comes out as 1e-17, or as whatever rounding leaves. It is zero if the output does
not change along the line, and all that is left of it is below the rounding of the terms that cancel
in it; a derivative that is small and has its digits is not. How large they are is taken where they
are smallest, at the point or far from it: next to a point where all digits are lost, nothing seems
to change.
"""

import numpy as np

from ..derivatives.method import GaveUpError, Probe, Zeros
from ..derivatives.problem import Problem
from .directions import Pace
from .judge import FLOAT64_EPS, Line
from .noise import MARGIN, terms_of_product
from .taylor import LINE, STEPS

#: The first steps are large; what grows with the step has grown by 16^4 since those that follow.
_LARGE, _SMALL = 1, 4


def find_zeros(
    problem: Problem, probe: Probe, line: Line, passed: dict[str, np.ndarray], pace: Pace
) -> Zeros | None:
    """Return which outputs are constant but for rounding; `None` if none are, or there is no time.

    Call it in 64-bit mode.

    Args:
        problem: What is differentiated, in float64.
        probe: The directions that products are taken along.
        line: The function along the tangent.
        passed: The products of the modes that passed.
        pace: How programs are run.
    """
    if line.coarse or not passed or line.weights is not None:
        return None
    changes = np.abs(line.values[: len(LINE) - 1] - line.value)
    largest = np.max(changes, axis=0)
    pulled = np.max(np.abs(passed.get("reverse", 0.0)), initial=0.0)
    product = passed.get("forward", np.full(problem.m, pulled))
    asked = _still(changes, line.value) & ((largest > 0) | (product != 0))
    if not np.any(asked):
        return None
    try:
        value, slope = _least_terms(problem, probe, "forward" in passed, pace)
    except GaveUpError:
        return None
    rounding = MARGIN * FLOAT64_EPS
    constant = asked & (largest <= rounding * value)
    nothing = constant & (np.abs(line.value) <= rounding * value)
    flat = constant & (np.abs(product) <= rounding * slope)
    if "forward" not in passed:  # no output is seen by itself
        flat[:] = np.all(flat)
    found = Zeros(np.where(nothing, value, 0.0), np.where(flat, slope, 0.0))
    return found if np.any(flat | nothing) else None


def without_rounding(passed: dict[str, np.ndarray], zeros: Zeros | None) -> dict[str, np.ndarray]:
    """Return the products with zeros where they are zero but for rounding."""
    if zeros is None:
        return passed
    flat = zeros.slope > 0
    everywhere = {"forward": flat, "reverse": np.all(flat)}
    return {mode: np.where(everywhere[mode], 0.0, one) for mode, one in passed.items()}


def rows_without_rounding(jacobian: np.ndarray, zeros: Zeros | None) -> np.ndarray:
    """Return a Jacobian `[m, n]` with zeros in the rows that are zero but for rounding."""
    if zeros is None:
        return jacobian
    limit = MARGIN * FLOAT64_EPS * zeros.slope
    flat = (zeros.slope > 0) & np.all(np.abs(jacobian) <= limit[:, None], axis=1)
    return np.where(flat[:, None], 0.0, jacobian)


def _still(changes: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Whether each output does not grow along the line `[2 steps, m]`, by a first look."""
    ahead, behind = changes[: len(STEPS)], changes[len(STEPS) :]
    far = np.max(np.concatenate([ahead[:_LARGE], behind[:_LARGE]]), axis=0)
    near = np.max(np.concatenate([ahead[_SMALL:], behind[_SMALL:]]), axis=0)
    return far <= MARGIN * np.maximum(near, FLOAT64_EPS * np.abs(value))


def _least_terms(
    problem: Problem, probe: Probe, forward: bool, pace: Pace
) -> tuple[np.ndarray, np.ndarray]:
    """Return how large the terms of each output and of its derivative are, `[m]` both."""
    sizes = terms_of_product(problem, probe, "forward" if forward else "reverse", pace)
    pairs = zip(problem.x, probe.tangent, strict=True)
    far = tuple(leaf + STEPS[0] * part for leaf, part in pairs)
    both = [sizes(x) for x in (problem.x, far)]
    value, slope = (np.minimum(here, there) for here, there in zip(*both, strict=True))
    return value, slope if forward else np.full(problem.m, np.max(slope, initial=0.0))
