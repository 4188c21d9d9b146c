"""Two runs side by side: slower, faster, the same, or not to be told on this machine.

The function itself is judged by its time, a derivative by its multiple of that, since a machine
that has become slower as a whole changes every time and hardly a multiple. How much slower it is,
the dispatch floor tells, which is measured in every comparison and runs none of the user's code.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..instrument.statistics import CONFIDENCE
from ..instrument.timing import Samples
from ..report.text import aligned
from .record import Comparison, Row

#: Changes up to this are what two runs of the same code show: of a multiple, and of a time.
_RATIO_NOISE, _TIME_NOISE = 0.25, 0.5
_RESAMPLES = 1000


class Change(NamedTuple):
    """New over old: the middle, and the ends of its interval."""

    low: float
    middle: float
    high: float

    def __str__(self) -> str:
        return f"{self.middle:.3g} [{self.low:.3g}, {self.high:.3g}]"


class Difference(NamedTuple):
    """What became of one row.

    Attributes:
        scenario, method: Which row.
        time: The change of its time; `None` where either run has none.
        ratio: The change of its multiple of the function's time.
        conclusion: `"slower"`, `"faster"`, `"same"`, `"cannot tell"`, `"broken"`, `"mended"`,
            `"new"` or `"gone"`.
    """

    scenario: str
    method: str
    time: Change | None
    ratio: Change | None
    conclusion: str

    @property
    def regression(self) -> bool:
        """Whether the row is worse than it was."""
        return self.conclusion in ("slower", "broken")


def differences(old: Sequence[Comparison], new: Sequence[Comparison]) -> list[Difference]:
    """Every row of either run, in the order of the new one.

    Raises:
        ValueError: If the two have no scenario in common.
    """
    before, after = ({found.name: found for found in run} for run in (old, new))
    if not before.keys() & after.keys():
        raise ValueError("the two files have no scenario in common, so there is nothing to compare")
    found = []
    for name in dict.fromkeys([*after, *before]):
        first, second = before.get(name), after.get(name)
        machine = second.floor / first.floor if first and second else 1.0
        own = {row.method: row for row in first.rows} if first else {}
        others = {row.method: row for row in second.rows} if second else {}
        for method in dict.fromkeys([*others, *own]):
            found.append(_difference(name, method, own.get(method), others.get(method), machine))
    return found


def text(found: Sequence[Difference]) -> str:
    """The rows that changed or could not be told, and how many there are of each conclusion."""
    shown = [d for d in found if d.conclusion != "same"]
    header = ["scenario", "method", "time, new / old", "x value, new / old", "conclusion"]
    rows = [
        [d.scenario, d.method, str(d.time or ""), str(d.ratio or ""), d.conclusion] for d in shown
    ]
    counts = {d.conclusion: 0 for d in found}
    for difference in found:
        counts[difference.conclusion] += 1
    total = ", ".join(f"{count} {conclusion}" for conclusion, count in sorted(counts.items()))
    return "\n".join([*(aligned([header, *rows]) if rows else []), total])


def _difference(
    scenario: str, method: str, old: Row | None, new: Row | None, machine: float
) -> Difference:
    if old is None or new is None:
        return Difference(scenario, method, None, None, "new" if old is None else "gone")
    if old.samples is None or new.samples is None:
        worked = (old.status == "ok", new.status == "ok")
        conclusion = {(True, False): "broken", (False, True): "mended"}.get(worked, "same")
        return Difference(scenario, method, None, None, conclusion)
    time = _change(old.samples, new.samples)
    if old.ratio is None or new.ratio is None or method == "value":
        slowest, fastest = max(machine, 1.0), min(machine, 1.0)
        conclusion = _conclude(time, _TIME_NOISE, slowest, fastest)
        return Difference(scenario, method, time, None, conclusion)
    ratio = Change(
        new.ratio.low / old.ratio.high,
        new.ratio.median / old.ratio.median,
        new.ratio.high / old.ratio.low,
    )
    return Difference(scenario, method, time, ratio, _conclude(ratio, _RATIO_NOISE))


def _conclude(change: Change, noise: float, slowest: float = 1.0, fastest: float = 1.0) -> str:
    """What a change means where `noise` is no change, on a machine this much slower or faster."""
    above, below = slowest * (1 + noise), fastest / (1 + noise)
    if change.low > above:
        return "slower"
    if change.high < below:
        return "faster"
    return "same" if below <= change.low and change.high <= above else "cannot tell"


def _change(old: Samples, new: Samples) -> Change:
    """The bootstrap interval of the ratio of two medians from different runs."""
    random = np.random.default_rng(0)

    def medians(samples: Samples) -> np.ndarray:
        draws = random.integers(0, samples.wall.size, (_RESAMPLES, samples.wall.size))
        return np.median(samples.wall[draws], axis=1)

    changes = medians(new) / medians(old)
    low, high = np.quantile(changes, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    middle = float(np.median(new.wall) / np.median(old.wall))
    return Change(float(low), middle, float(high))
