"""What timing samples say: robust centres, intervals of ratios, and when two are the same."""

from typing import NamedTuple

import numpy as np

from .timing import Samples

#: Two programs whose ratio is within this of 1 are equal for every practical purpose.
MARGIN = 0.03
#: Confidence of every interval.
CONFIDENCE = 0.99
_RESAMPLES = 2000


class Ratio(NamedTuple):
    """A ratio of two programs' times: its median, and its bootstrap interval.

    Attributes:
        median: The median over rounds of the ratio within a round.
        low, high: The ends of the `CONFIDENCE` interval of that median.
        below: The share of resamples whose median is below 1: the confidence that it is faster.
    """

    median: float
    low: float
    high: float
    below: float

    @property
    def tie(self) -> bool:
        """Whether the samples do not show a difference of more than `MARGIN`."""
        return self.high >= 1 - MARGIN and self.low <= 1 + MARGIN


def ratio(samples: Samples, base: Samples, *, seed: int = 0) -> Ratio:
    """The ratio of `samples` to `base`, compared within the rounds that both took part in.

    Neighbours in time share the machine's mood, so the ratio within a round varies less than either
    time does. The interval is the percentile bootstrap of the median (Efron, 1979).

    Example:
        >>> rounds = np.arange(20)
        >>> slow = Samples(rounds, np.linspace(2.0, 2.2, 20), np.ones(20), 1)
        >>> fast = Samples(rounds, np.linspace(1.0, 1.1, 20), np.ones(20), 1)
        >>> found = ratio(slow, fast)
        >>> round(found.median, 6), found.tie
        (2.0, False)
    """
    shared, mine, its = np.intersect1d(samples.rounds, base.rounds, return_indices=True)
    if not shared.size:
        raise ValueError("a ratio needs rounds that both programs took part in; these share none")
    ratios = samples.wall[mine] / base.wall[its]
    draws = np.random.default_rng(seed).integers(0, ratios.size, (_RESAMPLES, ratios.size))
    medians = np.median(ratios[draws], axis=1)
    low, high = np.quantile(medians, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    below = float(np.mean(medians < 1) + np.mean(medians == 1) / 2)
    return Ratio(float(np.median(ratios)), float(low), float(high), below)


def outliers(values: np.ndarray) -> int:
    """How many values lie outside Tukey's fences (1977); they are told, never dropped.

    Example:
        >>> outliers(np.array([1.0, 1.1, 1.2, 1.1, 1.0, 9.0]))
        1
    """
    first, third = np.quantile(values, [0.25, 0.75])
    fence = 1.5 * (third - first)
    return int(np.sum((values < first - fence) | (values > third + fence)))


def contention(samples: Samples) -> float:
    """Wall over CPU seconds, medians: well above 1, the program waited for a busy machine.

    Below 1, it ran on several cores at once. On an accelerator the CPU only waits, and the figure
    says nothing.

    Example:
        >>> contention(Samples(np.arange(3), np.full(3, 2.0), np.full(3, 1.0), 1))
        2.0
    """
    return float(np.median(samples.wall) / max(float(np.median(samples.cpu)), 1e-12))
