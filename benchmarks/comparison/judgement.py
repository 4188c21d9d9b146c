"""What became of a row: it is slower, faster, the same, or it cannot be told.

The function itself is judged by its time, a derivative by its multiple of that, since a machine
that has become slower as a whole changes every time and hardly a multiple. How much slower it is,
the dispatch floor tells, which is measured in every comparison and runs none of the user's code.

Where calls waited for a busy machine, wall time says how busy it was. There both runs are judged by
CPU time, if both were made on CPUs; otherwise it cannot be told.
"""

import dataclasses
import math
from typing import NamedTuple

import numpy as np

from ..instrument.intervals import median_draws
from ..instrument.samples import Samples
from ..instrument.statistics import Estimate, Ratio, contention, estimate, ratio
from .difference import Difference
from .fastest import BUSY
from .record import Comparison
from .row import Row

#: Changes up to this are what two runs of the same code show: of a multiple, and of a time.
_RATIO_NOISE, _TIME_NOISE = 0.25, 0.5


def on_cpu(comparison: Comparison) -> bool:
    """Return whether it was measured on CPUs; only there CPU time is the time of the work."""
    return comparison.environment.get("platform") == "cpu"


class Pair(NamedTuple):
    """The comparisons of one function in two runs.

    Attributes:
        old: That of the old run.
        new: That of the new run.
    """

    old: Comparison
    new: Comparison

    @property
    def slowdown(self) -> float:
        """How much slower the machine has become as a whole."""
        return self.new.floor / self.old.floor

    @property
    def on_cpus(self) -> bool:
        """Whether both were measured on CPUs."""
        return on_cpu(self.old) and on_cpu(self.new)

    def busy(self, method: str) -> bool:
        """Whether calls of a row, or of the function that it is a multiple of, waited."""
        return any(
            contention(row.samples) > BUSY
            for comparison in self
            if on_cpu(comparison)
            for row in comparison.rows
            if row.method in ("value", method) and row.samples
        )


def judged(pair: Pair, old: Row, new: Row) -> Difference:
    """Say what became of a row that both runs have, and that is about the same thing in both."""
    found = Difference(scenario=pair.new.name, method=new.method, conclusion="cannot tell")
    if (old.status, new.status) != ("ok", "ok"):
        return _judged_by_status(found, pair, old, new)
    if old.samples is None or new.samples is None:
        return dataclasses.replace(found, note="a run has no samples of it")
    if old.samples == new.samples:
        return dataclasses.replace(found, conclusion="same", note="kept from the old run")
    if not pair.busy(new.method):
        return _judged_by_time(found, pair, old, new, clock="wall")
    if pair.on_cpus and min(old.samples.cpu_seconds, new.samples.cpu_seconds) > 0:
        return _judged_by_time(found, pair, old, new, clock="CPU")
    return dataclasses.replace(found, note="the machine was busy: try again on a quiet one")


def _judged_by_status(found: Difference, pair: Pair, old: Row, new: Row) -> Difference:
    """Judge a row that is not ok in both runs."""
    note = f"{old.status} -> {new.status}" + (f": {new.note}" if new.note else "")
    statuses = {old.status, new.status}
    if len(statuses) == 1:
        return dataclasses.replace(found, conclusion="same", note=old.status)
    if "ok" not in statuses:
        return dataclasses.replace(found, conclusion="changed", note=note)
    if statuses == {"ok", "skipped"}:
        return _judged_by_bound(dataclasses.replace(found, note=note), pair, old, new)
    conclusion = "broken" if old.status == "ok" else "mended"
    return dataclasses.replace(found, conclusion=conclusion, note=note)


def _judged_by_bound(found: Difference, pair: Pair, old: Row, new: Row) -> Difference:
    """Judge a row that one run skipped, by what a call takes at least."""
    before, after = (row.seconds if row.seconds is not None else row.at_least for row in (old, new))
    found = dataclasses.replace(found, old=before, new=after)
    if not before or not after or pair.busy(new.method):
        return found
    low, high = (after / before, math.inf) if old.status == "ok" else (0.0, after / before)
    time = Estimate(value=after / before, low=low, high=high)
    conclusion = _conclude(time, _TIME_NOISE, pair.slowdown)
    return dataclasses.replace(found, conclusion=conclusion, time=time)


def _judged_by_time(found: Difference, pair: Pair, old: Row, new: Row, *, clock: str) -> Difference:
    """Judge a row that was timed in both runs, by one clock."""
    before, after = _samples(old, clock), _samples(new, clock)
    time = _time_change(before, after)
    found = dataclasses.replace(found, time=time, clock=clock)
    first, second = _multiple(pair.old, old, clock), _multiple(pair.new, new, clock)
    if first is None or second is None or new.method == "value":
        conclusion = _conclude(time, _TIME_NOISE, pair.slowdown, excused=clock == "wall")
        old_seconds, new_seconds = before.seconds, after.seconds
        return dataclasses.replace(found, conclusion=conclusion, old=old_seconds, new=new_seconds)
    change = _ratio_change(first, second)
    return dataclasses.replace(
        found,
        conclusion=_conclude(change, _RATIO_NOISE),
        ratio=change,
        old=first.median,
        new=second.median,
    )


def _samples(row: Row, clock: str) -> Samples:
    """Return the samples of a row, with the CPU time as their wall time if that is the clock."""
    assert row.samples is not None
    samples = row.samples
    return samples if clock == "wall" else dataclasses.replace(samples, wall=samples.cpu)


def _multiple(comparison: Comparison, row: Row, clock: str) -> Ratio | None:
    """Return the time of a row over that of the function; `None` where there is no such figure."""
    if clock == "wall" or row.ratio is None:
        return row.ratio
    value = comparison.row("value")
    base = _samples(value, clock) if value.samples else None
    return ratio(_samples(row, clock), base) if base and base.seconds > 0 else None


def _conclude(
    change: Estimate, noise: float, slowdown: float = 1.0, *, excused: bool = True
) -> str:
    """Say what a change means.

    Args:
        change: The new figure over the old one.
        noise: Changes up to this mean nothing.
        slowdown: How much slower the machine has become as a whole.
        excused: Whether what the slowdown explains is the same; if not, it cannot be told.
    """
    above, below = max(slowdown, 1.0) * (1 + noise), min(slowdown, 1.0) / (1 + noise)
    if change.low > above:
        return "slower"
    if change.high < below:
        return "faster"
    if not excused:
        above, below = 1 + noise, 1 / (1 + noise)
    return "same" if below <= change.low and change.high <= above else "cannot tell"


def _time_change(old: Samples, new: Samples) -> Estimate:
    """Return the ratio of two medians from different runs."""
    random = np.random.default_rng(0)
    after, before = (median_draws(samples.wall, random) for samples in (new, old))
    draws = None if after is None or before is None else after / before
    return estimate(new.seconds / old.seconds, draws)


def _ratio_change(old: Ratio, new: Ratio) -> Estimate:
    """Return the ratio of two multiples of the function's time; its ends are those of the ends."""
    value = new.median / old.median
    if old.interval is None or new.interval is None:
        return estimate(value, None)
    (least_old, most_old), (least_new, most_new) = old.interval, new.interval
    return Estimate(value=value, low=least_new / most_old, high=most_new / least_old)
