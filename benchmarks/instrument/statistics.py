"""What timing samples say: robust centres, intervals, and when two programs are the same.

Every interval of the project is a percentile bootstrap (Efron, 1979) of this module at the level
`CONFIDENCE`.
"""

from dataclasses import dataclass

import numpy as np

from .samples import Samples

#: Two programs whose ratio is within this of 1 are equal for every practical purpose.
MARGIN = 0.03
#: The level of every interval.
CONFIDENCE = 0.99
#: The same as a person reads it beside an interval.
LEVEL = f"{CONFIDENCE:.0%} interval".replace("%", " %")
_RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """The ratio of two programs' times, and its interval.

    Attributes:
        median: The median over rounds of the ratio within a round.
        low: The lower end of the `CONFIDENCE` interval of that median.
        high: The upper end.
        below: The share of resamples whose median is below 1: how sure it is that the program is
            the faster one.

    Example:
        >>> from gradwise import Ratio
        >>> Ratio(median=2.0, low=1.9, high=2.1, below=0.0).tie
        False
    """

    median: float
    low: float
    high: float
    below: float

    @property
    def tie(self) -> bool:
        """Whether the samples do not show a difference of more than `MARGIN`."""
        return self.high >= 1 - MARGIN and self.low <= 1 + MARGIN


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number and its interval; an end is infinite where the samples do not bound it.

    Attributes:
        value: The number.
        low: The lower end of its `CONFIDENCE` interval.
        high: The upper end.

    Example:
        >>> from gradwise import Estimate
        >>> Estimate(value=100.0, low=80.0, high=float("inf"))
        Estimate(value=100.0, low=80.0, high=inf)
    """

    value: float
    low: float
    high: float


def ratio(samples: Samples, base: Samples, *, seed: int = 0) -> Ratio:
    """Compare two programs within the rounds that both took part in: `samples` over `base`.

    Neighbours in time share the machine's mood, so the ratio within a round varies less than either
    time does.

    Raises:
        ValueError: If there is no such round.

    Example:
        >>> rounds, cpu = np.arange(20), np.ones(20)
        >>> slow = Samples(rounds=rounds, wall=np.linspace(2.0, 2.2, 20), cpu=cpu, calls=1)
        >>> fast = Samples(rounds=rounds, wall=np.linspace(1.0, 1.1, 20), cpu=cpu, calls=1)
        >>> slowdown = ratio(slow, fast)
        >>> round(slowdown.median, 6), slowdown.tie
        (2.0, False)
    """
    shared, mine, its = np.intersect1d(samples.rounds, base.rounds, return_indices=True)
    if not shared.size:
        raise ValueError("a ratio needs rounds that both programs took part in; these share none")
    ratios = samples.wall[mine] / base.wall[its]
    medians = resampled_medians(ratios, np.random.default_rng(seed))
    low, high = interval(medians)
    below = float(np.mean(medians < 1) + np.mean(medians == 1) / 2)
    return Ratio(median=float(np.median(ratios)), low=low, high=high, below=below)


def resampled_medians(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw `values` again with replacement, many times, and return the median of each draw.

    Example:
        >>> medians = resampled_medians(np.array([1.0, 2.0, 9.0]), np.random.default_rng(0))
        >>> np.unique(medians)
        array([1., 2., 9.])
    """
    values = np.asarray(values, np.float64)
    return np.median(values[random.integers(0, values.size, (_RESAMPLES, values.size))], axis=1)


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


def estimate(value: float, draws: np.ndarray) -> Estimate:
    """Return a number with the interval of its bootstrap's draws.

    Example:
        >>> estimate(2.0, np.array([1.0, 2.0, np.inf]))
        Estimate(value=2.0, low=1.0, high=inf)
    """
    low, high = interval(draws)
    return Estimate(value=value, low=low, high=high)


def outliers(values: np.ndarray) -> int:
    """Count the values outside Tukey's fences (1977); they are told, never dropped.

    Example:
        >>> outliers(np.array([1.0, 1.1, 1.2, 1.1, 1.0, 9.0]))
        1
    """
    first, third = np.quantile(values, [0.25, 0.75])
    fence = 1.5 * (third - first)
    return int(np.sum((values < first - fence) | (values > third + fence)))


def contention(samples: Samples) -> float:
    """Return wall over CPU seconds: well above 1, the program waited for a busy machine.

    Below 1, it ran on several cores at once. On an accelerator the CPU only waits, and the figure
    says nothing.

    Example:
        >>> contention(Samples(rounds=np.arange(3), wall=np.full(3, 2.0), cpu=np.ones(3), calls=1))
        2.0
    """
    return samples.seconds / max(samples.cpu_seconds, 1e-12)
