"""Intervals of medians, by order statistics, and of what is computed from them, by draws.

Each has the level `CONFIDENCE`; from fewer than `LEAST_ROUNDS` samples there is none of that level.
"""

import math

import numpy as np

#: The level of every interval.
CONFIDENCE = 0.99


#: The same as a person reads it beside an interval.
LEVEL = f"{CONFIDENCE:.0%} interval".replace("%", " %")


#: The median lies outside of all k samples once in 2^(k - 1) times: fewer have no interval.
LEAST_ROUNDS = math.ceil(1 - math.log2(1 - CONFIDENCE))


_DRAWS = 2000


def median_interval(values: np.ndarray) -> tuple[float, float] | tuple[None, None]:
    """Return the `CONFIDENCE` interval of the median, `(None, None)` from too few values.

    Its ends are the r-th least and the r-th greatest value, for the largest r at which the median
    is as seldom outside as the level says (Thompson, "On confidence ranges for the median", 1936).

    Example:
        >>> median_interval(np.arange(8.0))
        (0.0, 7.0)
        >>> median_interval(np.arange(7.0))
        (None, None)
    """
    values = np.sort(np.asarray(values, np.float64))
    outside = np.cumsum(_binomial(values.size))  # P(at most r samples are below the median)
    rank = int(np.sum(outside <= (1 - CONFIDENCE) / 2))
    if rank == 0:
        return None, None
    return float(values[rank - 1]), float(values[-rank])


def median_draws(values: np.ndarray, random: np.random.Generator) -> np.ndarray | None:
    """Draw medians that the values may have come from, to compute something else with.

    A draw lies between the two values that a median with as many values below it would lie between:
    as many as heads among as many coins. From fewer than `LEAST_ROUNDS` values nothing is drawn.

    Example:
        >>> draws = median_draws(np.arange(100.0), np.random.default_rng(0))
        >>> bool(30 < draws.min() and draws.max() < 70)
        True
        >>> median_draws(np.arange(7.0), np.random.default_rng(0))
    """
    values = np.sort(np.asarray(values, np.float64))
    if values.size < LEAST_ROUNDS:
        return None
    ends = np.concatenate([values[:1], values, values[-1:]])
    below = random.binomial(values.size, 0.5, _DRAWS)
    return ends[below] + random.random(_DRAWS) * (ends[below + 1] - ends[below])


def _binomial(count: int) -> np.ndarray:
    """Return the chance of each number of heads among `count` coins."""
    return np.array([math.comb(count, heads) / 2**count for heads in range(count + 1)])


def sign_test(wins: float, rounds: int) -> float:
    """Return how sure so many wins are of being no luck: 1/2 for as many wins as losses."""
    chances = _binomial(rounds)
    heads = np.arange(rounds + 1)
    return float(np.sum(chances[heads < wins]) + np.sum(chances[heads == wins]) / 2)


def interval(draws: np.ndarray) -> tuple[float, float]:
    """Return the ends between which the middle `CONFIDENCE` of the draws lies.

    The ends are draws themselves, because there is no mean of a number and infinity.

    Example:
        >>> interval(np.arange(1001.0))
        (5.0, 995.0)
    """
    ends = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    low, high = np.quantile(draws, ends, method="nearest")
    return float(low), float(high)
