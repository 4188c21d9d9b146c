"""Two runs side by side: each row is slower, faster, the same, or too noisy to tell.

The function itself is judged by its time, a derivative by its multiple of that, since a machine
that has become slower as a whole changes every time and hardly a multiple. How much slower it is,
the dispatch floor tells, which is measured in every comparison and runs none of the user's code.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._equality import equal_by_fields
from ..instrument.samples import Samples
from ..instrument.statistics import LEVEL, Estimate, Ratio, estimate, median_draws
from ..instrument.text import aligned
from .record import Comparison
from .row import Row

#: Changes up to this are what two runs of the same code show: of a multiple, and of a time.
_RATIO_NOISE, _TIME_NOISE = 0.25, 0.5


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Difference:
    """What became of one row.

    Attributes:
        scenario: The function's name.
        method: The row's method.
        time: The new time over the old one; `None` where either run has none.
        ratio: The new multiple of the function's time over the old one; likewise.
        conclusion: `"slower"`, `"faster"`, `"same"`, `"cannot tell"`, `"broken"`, `"mended"`,
            `"new"` or `"gone"`.

    Example:
        >>> from gradwise import Difference
        >>> Difference(scenario="sine", method="reverse", conclusion="broken").regression
        True
    """

    scenario: str
    method: str
    time: Estimate | None = None
    ratio: Estimate | None = None
    conclusion: str

    @property
    def regression(self) -> bool:
        """Whether the row is worse than it was."""
        return self.conclusion in ("slower", "broken")

    def __str__(self) -> str:
        change = _change(self.ratio or self.time)
        return f"{self.scenario}, {self.method}: {self.conclusion}{change and f', {change}'}"

    def __repr__(self) -> str:
        return f"Difference({self})"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(str(self))}</p>"


def diff(
    old: Comparison | Sequence[Comparison], new: Comparison | Sequence[Comparison]
) -> list[Difference]:
    """Compare every row of two runs, in the order of the new one.

    Raises:
        ValueError: If the two have no scenario in common.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import compare, diff
        >>> comparison = compare(jnp.sin, jnp.ones(3), methods=["reverse"], budget=0.1)
        >>> [difference.regression for difference in diff(comparison, comparison)]
        [False, False]
    """
    before, after = (
        {comparison.name: comparison for comparison in _listed(run)} for run in (old, new)
    )
    if not before.keys() & after.keys():
        raise ValueError("the two runs have no scenario in common: there is nothing to compare")
    differences = []
    for name in dict.fromkeys([*after, *before]):
        first, second = before.get(name), after.get(name)
        machine = second.floor / first.floor if first and second else 1.0
        old_rows = {row.method: row for row in first.rows} if first else {}
        new_rows = {row.method: row for row in second.rows} if second else {}
        for method in dict.fromkeys([*new_rows, *old_rows]):
            pair = old_rows.get(method), new_rows.get(method)
            differences.append(_difference(name, method, *pair, machine))
    return differences


def diff_text(differences: Sequence[Difference]) -> str:
    """Write the rows that changed or could not be compared, and the count of each conclusion."""
    shown = [d for d in differences if d.conclusion != "same"]
    over = f"new / old, {LEVEL}"
    header = ["scenario", "method", f"time, {over}", f"x value, {over}", "conclusion"]
    rows = [[d.scenario, d.method, _change(d.time), _change(d.ratio), d.conclusion] for d in shown]
    counts = {d.conclusion: 0 for d in differences}
    for difference in differences:
        counts[difference.conclusion] += 1
    total = ", ".join(f"{count} {conclusion}" for conclusion, count in sorted(counts.items()))
    return "\n".join([*(aligned([header, *rows]) if rows else []), total])


def _listed(run: Comparison | Sequence[Comparison]) -> Sequence[Comparison]:
    return [run] if isinstance(run, Comparison) else run


def _change(change: Estimate | None) -> str:
    if change is None:
        return ""
    ends = f" [{change.low:.3g}, {change.high:.3g}]" if change.bounded else " (few samples)"
    return f"{change.value:.3g}{ends}"


def _difference(
    scenario: str, method: str, old: Row | None, new: Row | None, machine: float
) -> Difference:
    if old is None or new is None:
        conclusion = "new" if old is None else "gone"
        return Difference(scenario=scenario, method=method, conclusion=conclusion)
    if old.samples is None or new.samples is None:
        worked = (old.status == "ok", new.status == "ok")
        conclusion = {(True, False): "broken", (False, True): "mended"}.get(worked, "same")
        return Difference(scenario=scenario, method=method, conclusion=conclusion)
    time = _time_change(old.samples, new.samples)
    if old.ratio is None or new.ratio is None or method == "value":
        slowest, fastest = max(machine, 1.0), min(machine, 1.0)
        conclusion = _conclude(time, _TIME_NOISE, slowest, fastest)
        return Difference(scenario=scenario, method=method, time=time, conclusion=conclusion)
    ratio = _ratio_change(old.ratio, new.ratio)
    conclusion = _conclude(ratio, _RATIO_NOISE)
    return Difference(
        scenario=scenario, method=method, time=time, ratio=ratio, conclusion=conclusion
    )


def _conclude(change: Estimate, noise: float, slowest: float = 1.0, fastest: float = 1.0) -> str:
    """Say what a change means where `noise` is none, on a machine this much slower or faster."""
    above, below = slowest * (1 + noise), fastest / (1 + noise)
    if change.low > above:
        return "slower"
    if change.high < below:
        return "faster"
    return "same" if below <= change.low and change.high <= above else "cannot tell"


def _time_change(old: Samples, new: Samples) -> Estimate:
    """Return the ratio of two medians from different runs."""
    random = np.random.default_rng(0)
    after, before = (median_draws(samples.wall, random) for samples in (new, old))
    draws = None if after is None or before is None else after / before
    return estimate(new.seconds / old.seconds, draws)


def _ratio_change(old: Ratio, new: Ratio) -> Estimate:
    """Return the ratio of two multiples of the function's time."""
    value = new.median / old.median
    if old.interval is None or new.interval is None:
        return estimate(value, None)
    (least_old, most_old), (least_new, most_new) = old.interval, new.interval
    return Estimate(value=value, low=least_new / most_old, high=most_new / least_old)
