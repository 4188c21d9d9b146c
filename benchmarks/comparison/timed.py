"""What a row says once its method was measured, or could not be."""

import dataclasses
from collections.abc import Mapping, Sequence

from ..instrument.deadline import TimeUpError
from ..instrument.samples import Samples
from ..instrument.statistics import ratio
from ..program.messages import first_line, guarded
from .attempt import Attempt
from .endings import called_a_few_times, joined, with_status
from .notes import time_notes
from .row import Row


def timed_rows(
    attempts: Sequence[Attempt],
    samples: Mapping[str, Samples],
    failed: Mapping[str, Exception],
    floor: float,
    *,
    on_cpu: bool = True,
) -> tuple[Row, ...]:
    """Return the rows with their times, and the notes that only times allow."""
    value = next((one.row for one in attempts if one.row.method == "value"), None)
    return tuple(_timed(one, value, samples, failed, floor, on_cpu) for one in attempts)


def _timed(
    one: Attempt,
    value: Row | None,
    samples: Mapping[str, Samples],
    failed: Mapping[str, Exception],
    floor: float,
    on_cpu: bool,
) -> Row:
    row = one.row
    if row.method in failed and not isinstance(failed[row.method], TimeUpError):
        return with_status(row, "failed", first_line(failed[row.method]))
    if one.planned is None:
        return row
    if row.method not in samples:
        right = "right, but " if row.status == "ok" else ""
        return called_a_few_times(row, one.planned, f"{right}there was no time to measure it")
    taken = samples[row.method]
    row = dataclasses.replace(
        row,
        seconds=taken.seconds,
        cpu_seconds=taken.cpu_seconds,
        ratio=ratio(taken, samples["value"]) if "value" in samples else None,
        samples=taken,
    )
    compiled = one.compiled
    assert compiled is not None
    told, fault = guarded(
        "explain its time", lambda: time_notes(row, value, compiled, floor, on_cpu=on_cpu), ""
    )
    return dataclasses.replace(row, note=joined(row.note, told, fault))
