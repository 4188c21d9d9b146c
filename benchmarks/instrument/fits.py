"""Laws through measured numbers: lines and where they cross, power laws, and Pareto fronts.

A batch of k tangents (forward mode) or cotangents (reverse mode) costs about a + b k seconds. The
Jacobian of n inputs and m outputs is a batch of n or of m, so the two modes cost the same at the n
that solves a_f + b_f n = a_r + b_r m. Nothing here reads a clock.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .intervals import median_draws
from .statistics import Estimate, estimate


class Line(NamedTuple):
    """Seconds of a batch of k: `intercept + slope k`, and draws of the two; none of few samples."""

    intercept: Estimate
    slope: Estimate
    draws: np.ndarray | None  # [draws, 2]


def fit_line(sizes: Sequence[int], samples: Sequence[np.ndarray], *, seed: int = 0) -> Line:
    """Fit a line to the medians of each size's samples, in least squares of relative errors.

    The errors are relative because timing noise grows with the time.

    Args:
        sizes: The batch sizes k, at least two different ones.
        samples: For each size its measured seconds, all positive.
        seed: Seed of the draws that the intervals are made of.

    Raises:
        ValueError: If there are fewer than two sizes, or a size without positive samples.

    Example:
        >>> line = fit_line([1, 2, 4], [np.full(5, 3.0 + 2.0 * k) for k in (1, 2, 4)])
        >>> round(line.intercept.value, 6), round(line.slope.value, 6)
        (3.0, 2.0)
    """
    seconds = [np.asarray(each, np.float64) for each in samples]
    if len(set(sizes)) < 2 or len(sizes) != len(seconds):
        raise ValueError(
            "a line needs samples of at least two different batch sizes, "
            f"got {len(seconds)} lists of samples for sizes {list(sizes)}"
        )
    if any(each.size == 0 or np.any(each <= 0) for each in seconds):
        raise ValueError("every batch size needs samples, and every sample is a positive time")
    random = np.random.default_rng(seed)
    medians = [drawn for each in seconds if (drawn := median_draws(each, random)) is not None]
    draws = None
    if len(medians) == len(seconds):
        draws = _least_squares(np.asarray(sizes), np.stack(medians, axis=1))
    centre = _least_squares(np.asarray(sizes), np.array([[np.median(each) for each in seconds]]))
    intercept, slope = (
        estimate(float(centre[0, i]), None if draws is None else draws[:, i]) for i in range(2)
    )
    return Line(intercept, slope, draws)


def crossing(forward: Line, reverse: Line, outputs: int) -> Estimate:
    """Return up to how many inputs forward mode is the faster one, for that many outputs.

    The number is infinite where a further tangent costs nothing that can be seen, and 0 where
    reverse mode always wins. Griewank and Walther's bounds put it near 1.67 times the outputs.

    Example:
        >>> cheap, dear = (fit_line([1, 9], [[1.0 + b], [1.0 + 9 * b]]) for b in (1.0, 2.0))
        >>> round(crossing(cheap, dear, 50).value, 6)
        100.0
    """
    centre = float(_meeting(_centre(forward), _centre(reverse), outputs))
    if forward.draws is None or reverse.draws is None:
        return estimate(centre, None)
    return estimate(centre, _meeting(forward.draws, reverse.draws, outputs))


def _centre(line: Line) -> np.ndarray:
    return np.array([line.intercept.value, line.slope.value])


def _meeting(forward: np.ndarray, reverse: np.ndarray, outputs: int) -> np.ndarray:
    """Return the k at which the line `forward` reaches what `reverse` costs for the outputs."""
    left = reverse[..., 0] + reverse[..., 1] * outputs - forward[..., 0]
    slope = forward[..., 1]
    reached = np.divide(left, slope, out=np.full(left.shape, np.inf), where=slope > 0)
    return np.where(left > 0, reached, 0.0)


def _least_squares(sizes: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Return intercepts and slopes `[draws, 2]` of `seconds` `[draws, sizes]`."""
    design = np.stack([np.ones(len(sizes)), sizes], axis=1) / seconds[..., None]
    return (np.linalg.pinv(design) @ np.ones((len(sizes), 1)))[..., 0]


class Exponent(NamedTuple):
    """The p of `constant length^p`, and its standard error (infinite from two points)."""

    value: float
    error: float


def growth_exponent(lengths: Sequence[float], amounts: Sequence[float]) -> Exponent:
    """Fit a power law: the exponent is the slope of the regression line in log-log.

    Memory grows with exponent 1 for reverse mode that keeps every step, with 1/2 under sqrt(T)
    checkpoints, and with 0 for forward mode.

    Raises:
        ValueError: If there are fewer than two different lengths, or anything is not positive.

    Example:
        >>> growth_exponent([16, 64, 256], [4.0, 8.0, 16.0]).value
        0.5
    """
    x, y = np.asarray(lengths, np.float64), np.asarray(amounts, np.float64)
    if x.shape != y.shape or len(np.unique(x)) < 2 or np.any(x <= 0) or np.any(y <= 0):
        raise ValueError(
            "an exponent needs one positive amount for each of at least two different positive "
            f"lengths, got {list(lengths)} and {list(amounts)}"
        )
    x, y = np.log(x) - np.mean(np.log(x)), np.log(y) - np.mean(np.log(y))
    slope = float(x @ y / (x @ x))
    freedom = len(x) - 2
    error = np.sqrt(np.sum((y - slope * x) ** 2) / freedom / (x @ x)) if freedom else np.inf
    return Exponent(slope, float(error))


def pareto_front(costs: np.ndarray) -> np.ndarray:
    """Return the indices of the `costs` `[candidates, criteria]` that no other candidate beats.

    A candidate beats another one if it is no worse in any criterion and better in one; of equal
    ones the first stays. The indices are in the order of the first criterion.

    Example:
        >>> seconds_and_bytes = np.array([[1.0, 9.0], [2.0, 4.0], [3.0, 5.0], [4.0, 1.0]])
        >>> pareto_front(seconds_and_bytes)
        array([0, 1, 3])
    """
    costs = np.asarray(costs, np.float64)
    front: list[int] = []
    # In lexicographic order no candidate can be beaten by one that comes after it.
    for index in np.lexsort(costs.T[::-1]):
        if not any(np.all(costs[better] <= costs[index]) for better in front):
            front.append(int(index))
    return np.array(front, int)
