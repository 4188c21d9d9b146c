"""What timing samples say: robust centres, intervals, and when two programs are the same.

The interval of a median is that of order statistics (Thompson, 1936), which holds whatever the
samples' distribution; `intervals.py` has them.
"""

import math
from dataclasses import dataclass

import numpy as np

from .._equality import equal_by_fields
from .intervals import LEAST_ROUNDS, LEVEL, interval, median_interval, sign_test
from .samples import Samples
from .units import times

#: Two programs whose ratio is within this of 1 are equal for every practical purpose.
MARGIN = 0.03
#: Without an interval, two programs differ if they do in every round, by more than this.
_WITHOUT_INTERVAL = 0.25


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Ratio:
    """The ratio of two programs' times, and its interval where there are samples enough for one.

    Attributes:
        median: The median over rounds of the ratio within a round.
        low: The lower end of the `CONFIDENCE` interval of that median, if the samples support one.
        high: The upper end.
        least: The least ratio of any round.
        most: The greatest one.
        below: How sure it is that the program is the faster one, between 0 and 1, by the number of
            rounds in which it is (the mid-p sign test).
        rounds: How many rounds there are.

    Example:
        >>> from gradwise import Ratio
        >>> Ratio(
        ...     median=2.0, low=1.9, high=2.1, least=1.8, most=2.2, below=0.0, rounds=20
        ... ).tie
        False
    """

    median: float
    low: float | None
    high: float | None
    least: float
    most: float
    below: float
    rounds: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, if there are samples enough for them."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def tie(self) -> bool:
        """Whether the samples do not show a difference of more than `MARGIN`."""
        if self.interval:
            low, high = self.interval
            return high >= 1 - MARGIN and low <= 1 + MARGIN
        return self.most >= 1 - _WITHOUT_INTERVAL and self.least <= 1 + _WITHOUT_INTERVAL

    @property
    def spread(self) -> str:
        """The interval in words, or why there is none.

        Example:
            >>> from gradwise import Ratio
            >>> Ratio(
            ...     median=2.0, low=None, high=None, least=1.8, most=2.2, below=0.0, rounds=3
            ... ).spread
            '3 samples, no interval'
        """
        if self.interval:
            low, high = map(times, self.interval)
            return f"{low} to {high}, {LEVEL}"
        return f"{self.rounds} sample{'' if self.rounds == 1 else 's'}, no interval"

    def __repr__(self) -> str:
        return f"Ratio({times(self.median)}, {self.spread})"


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Estimate:
    """A number and its interval; an end is infinite where the samples do not bound it.

    Attributes:
        value: The number.
        low: The lower end of its `CONFIDENCE` interval.
        high: The upper end.

    Example:
        >>> from gradwise import Estimate
        >>> Estimate(value=100.0, low=80.0, high=float("inf"))
        Estimate(100, 80 to inf)
    """

    value: float
    low: float
    high: float

    @property
    def bounded(self) -> bool:
        """Whether the samples say anything about where the number lies."""
        return self.low > -math.inf or self.high < math.inf

    def __repr__(self) -> str:
        ends = f"{self.low:.4g} to {self.high:.4g}" if self.bounded else "no interval"
        return f"Estimate({self.value:.4g}, {ends})"


def ratio(samples: Samples, base: Samples, *, by: str = "wall") -> Ratio:
    """Compare two programs within the rounds that both took part in: `samples` over `base`.

    Neighbours in time share the machine's mood, so the ratio within a round varies less than either
    time does.

    Args:
        samples: What was measured of the one program.
        base: What was measured of the other.
        by: `"wall"` or `"cpu"`, the seconds that are compared.

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
    above, under = (getattr(one, by)[of] for one, of in ((samples, mine), (base, its)))
    ratios = np.sort(above / np.maximum(under, 1e-12))  # a coarse CPU clock may say 0
    low, high = median_interval(ratios)
    faster = np.sum(ratios < 1) + np.sum(ratios == 1) / 2
    return Ratio(
        median=float(np.median(ratios)),
        low=low,
        high=high,
        least=float(ratios[0]),
        most=float(ratios[-1]),
        below=sign_test(float(faster), ratios.size),
        rounds=int(ratios.size),
    )


def estimate(value: float, draws: np.ndarray | None) -> Estimate:
    """Return a number with the interval that its draws give; without draws it is not bounded.

    Example:
        >>> estimate(2.0, np.array([1.0, 2.0, np.inf]))
        Estimate(2, 1 to inf)
        >>> estimate(2.0, None)
        Estimate(2, no interval)
    """
    low, high = (-math.inf, math.inf) if draws is None else interval(draws)
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
    """Return wall over CPU seconds, of all samples but the slowest twentieth.

    Well above 1, the program waited for a busy machine. Below 1, it ran on several cores at once.
    The sums say it, and no quantile of the samples: a busy system lets a program run for some
    milliseconds and then wait for longer, so that most short samples are undisturbed; and what a
    thread has computed may be put down to the sample after. On an accelerator the CPU only waits,
    and the figure says nothing.

    Example:
        >>> contention(Samples(rounds=np.arange(3), wall=np.full(3, 2.0), cpu=np.ones(3), calls=1))
        2.0
    """
    count = samples.wall.size
    slowest = math.ceil(count / 20) if count >= LEAST_ROUNDS else 0
    kept = np.argsort(samples.wall, kind="stable")[: count - slowest]
    return float(samples.wall[kept].sum() / max(samples.cpu[kept].sum(), 1e-12))
