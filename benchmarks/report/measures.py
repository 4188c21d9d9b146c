"""What the charts show of a row: its time, its memory, or how long it compiles."""

from collections.abc import Callable
from typing import NamedTuple

from ..comparison.row import Row
from ..instrument import units
from ..instrument.intervals import LEVEL
from .columns import DOUBT, is_doubtful
from .drawing.chart import Mark


class Measure(NamedTuple):
    """One of the sets of figures between which a page switches.

    Attributes:
        name: Its name, such as `"memory"`.
        axis: What its axis shows.
        figure: Returns the figure of a row, or `None`.
        show: Writes a figure.
    """

    name: str
    axis: str
    figure: Callable[[Row], float | None]
    show: Callable[[float], str]


def in_times(value: float) -> str:
    """Write a cost.

    Example:
        >>> in_times(0.1), in_times(1000.0)
        ('0.1 x', '1,000 x')
    """
    return f"{units.times(value)} x"


TIME = Measure(
    "time",
    "cost: runs of the function itself",
    lambda row: row.ratio.median if row.ratio else None,
    in_times,
)
MEMORY = Measure("memory", "memory: bytes of one execution", lambda row: row.bytes, units.size)
COMPILE = Measure(
    "compile", "compile: seconds, spent once", lambda row: row.compile_seconds, units.seconds
)
MEASURES = (TIME, MEMORY, COMPILE)


def mark_of(row: Row, measure: Measure) -> Mark | None:
    """Return the mark of a row; `None` where it has no figure, or a wrong derivative.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> mark_of(EXAMPLE.row("reverse"), TIME).tip
        'reverse: 2 x, 20 us, bound 4 x'
    """
    value = measure.figure(row)
    if value is None or row.status == "wrong":
        return None
    text = measure.show(value)
    if measure is not TIME:
        return Mark(mode=row.mode, value=float(value), text=text, tip=f"{row.method}: {text}")
    doubt = DOUBT if is_doubtful(row) else ""
    ends = row.interval
    parts = [f"{row.method}: {text}{doubt}"]
    if ends and ends[0] < ends[1]:
        parts.append(f"{measure.show(ends[0])} to {measure.show(ends[1])} ({LEVEL})")
    parts += [units.seconds(row.seconds)] if row.seconds is not None else []
    parts += [f"bound {measure.show(row.bound)}"] if row.bound is not None else []
    return Mark(
        mode=row.mode,
        value=value,
        text=text + doubt,
        tip=", ".join(parts),
        ends=ends,
        bound=row.bound,
    )


def reason(row: Row, measure: Measure) -> str:
    """Return why a row is not ok, or has no figure; `""` where all is well.

    Example:
        >>> from dataclasses import replace
        >>> from benchmarks.report.example import EXAMPLE
        >>> row = replace(EXAMPLE.row("forward"), status="skipped", note="it would take 3 s")
        >>> reason(row, TIME), reason(EXAMPLE.row("reverse"), TIME)
        ('skipped: it would take 3 s', '')
    """
    if row.status != "ok":
        return f"{row.status}: {row.note}" if row.note else row.status
    return "" if measure.figure(row) is not None else "not measured"
