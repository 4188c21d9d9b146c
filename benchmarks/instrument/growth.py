"""How memory grows with length, and which trades of memory for time are worth having.

Pure functions of measured numbers, in NumPy.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Exponent(NamedTuple):
    """The p of `constant length^p`, and its standard error (infinite from two points)."""

    value: float
    error: float


def growth_exponent(lengths: Sequence[float], amounts: Sequence[float]) -> Exponent:
    """The exponent of a power law: the slope of the regression line in log-log.

    1 for reverse mode that keeps every step, 1/2 under sqrt(T) checkpoints, 0 for forward mode.

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
    """Which of `costs` `[candidates, criteria]` nothing beats: indices, by rising first criterion.

    One beats another if it is no worse in any criterion and better in one; of equals the first
    stays.

    Example:
        >>> seconds_and_bytes = np.array([[1.0, 9.0], [2.0, 4.0], [3.0, 5.0], [4.0, 1.0]])
        >>> pareto_front(seconds_and_bytes)
        array([0, 1, 3])
    """
    costs = np.asarray(costs, np.float64)
    front: list[int] = []
    # In lexicographic order nothing can be beaten by what comes after it.
    for index in np.lexsort(costs.T[::-1]):
        if not any(np.all(costs[better] <= costs[index]) for better in front):
            front.append(int(index))
    return np.array(front, int)
