"""Where forward and reverse mode cross: lines t = a + b k fitted to timings, and their meeting.

A batch of k tangents (forward mode) or cotangents (reverse mode) costs about a + b k seconds. The
Jacobian of n inputs and m outputs is a batch of n or of m, so the modes break even at the n that
solves a_f + b_f n = a_r + b_r m. Pure functions of measured samples: nothing here calls a clock.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

#: Share of the bootstrap's draws that an interval holds.
CONFIDENCE = 0.95
_RESAMPLES = 1000


class Estimate(NamedTuple):
    """A number and its interval; an end is infinite where the samples do not bound it."""

    value: float
    low: float
    high: float


class Line(NamedTuple):
    """Seconds of a batch of k: `intercept + slope k`, and the bootstrap's draws of the two."""

    intercept: Estimate
    slope: Estimate
    draws: np.ndarray  # [resamples, 2]


def fit_line(sizes: Sequence[int], samples: Sequence[np.ndarray], *, seed: int = 0) -> Line:
    """The line through the medians of each size's samples, in least squares of relative errors.

    Relative, as timing noise grows with the time. The intervals are percentile bootstraps (Efron,
    1979): each size's samples are drawn again, with replacement.

    Args:
        sizes: The batch sizes k, at least two different ones.
        samples: For each size its measured seconds, all positive.
        seed: Of the bootstrap.

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
    medians = [
        np.median(each[random.integers(0, each.size, (_RESAMPLES, each.size))], axis=1)
        for each in seconds
    ]
    draws = _least_squares(np.asarray(sizes), np.stack(medians, axis=1))
    centre = _least_squares(np.asarray(sizes), np.array([[np.median(each) for each in seconds]]))
    intercept, slope = (_estimate(float(centre[0, i]), draws[:, i]) for i in range(2))
    return Line(intercept, slope, draws)


def crossing(forward: Line, reverse: Line, outputs: int) -> Estimate:
    """The number of inputs up to which forward mode is the faster one, for that many outputs.

    Infinite where a further tangent costs nothing that can be seen, 0 where reverse mode always
    wins. Griewank and Walther's bounds put it near 1.67 times the outputs.

    Example:
        >>> cheap, dear = (fit_line([1, 9], [[1.0 + b], [1.0 + 9 * b]]) for b in (1.0, 2.0))
        >>> round(crossing(cheap, dear, 50).value, 6)
        100.0
    """
    centre = _meeting(_centre(forward), _centre(reverse), outputs)
    return _estimate(float(centre), _meeting(forward.draws, reverse.draws, outputs))


def _centre(line: Line) -> np.ndarray:
    return np.array([line.intercept.value, line.slope.value])


def _meeting(forward: np.ndarray, reverse: np.ndarray, outputs: int) -> np.ndarray:
    """The k at which the line `forward` reaches what `reverse` costs for the outputs, `[...]`."""
    left = reverse[..., 0] + reverse[..., 1] * outputs - forward[..., 0]
    slope = forward[..., 1]
    reached = np.divide(left, slope, out=np.full(left.shape, np.inf), where=slope > 0)
    return np.where(left > 0, reached, 0.0)


def _least_squares(sizes: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Intercept and slope `[draws, 2]` of `seconds` `[draws, sizes]`, by relative errors."""
    design = np.stack([np.ones(len(sizes)), sizes], axis=1) / seconds[..., None]
    return (np.linalg.pinv(design) @ np.ones((len(sizes), 1)))[..., 0]


def _estimate(value: float, draws: np.ndarray) -> Estimate:
    # "nearest", as there is no mean of a number and infinity.
    ends = np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], method="nearest")
    return Estimate(value, float(ends[0]), float(ends[1]))
