"""A row as text, a cell a column: what every table, on paper or on a screen, is made of."""

import math
from collections.abc import Callable
from typing import NamedTuple

from ..comparison.record import Comparison
from ..comparison.row import Row
from ..instrument import units
from ..instrument.statistics import LEVEL

#: The ways of the lecture to take a derivative.
WAYS = ("numerical", "symbolic", "forward", "reverse")


class Column(NamedTuple):
    """A column: its title, what it shows of a row, and what that means."""

    title: str
    show: Callable[[Row], str]
    meaning: str


def _time(row: Row) -> str:
    return units.seconds(row.seconds) if row.seconds is not None else row.status


def _ratio(row: Row) -> str:
    if row.ratio is None:
        return ""
    low, median, high = (
        f"{value:.3g}" for value in (row.ratio.low, row.ratio.median, row.ratio.high)
    )
    return median if low == high else f"{median} [{low}, {high}]"


def _flops(row: Row) -> str:
    if row.flops is None:
        return ""
    if not row.flops.known:
        return "unknown"
    if row.flops.low != row.flops.high:
        return f"{units.amount(row.flops.low)} to {units.amount(row.flops.high)}"
    return units.amount(row.flops.high)


COLUMNS = (
    Column("method", lambda row: row.method, "the way to differentiate"),
    Column("time", _time, "median wall time of a call, or why there is none"),
    Column("x value", _ratio, f"time over that of the function, with its {LEVEL}"),
    Column(
        "bound",
        lambda row: f"{row.bound:.4g}" if row.bound is not None else "",
        "what the operations may cost over the function's (Griewank & Walther, 2008)",
    ),
    Column(
        "error",
        lambda row: f"{row.error:.1e}" if row.error is not None else "",
        "largest error of any entry over the largest one, against float64 where that can be had",
    ),
    Column("FLOPs", _flops, "operations, counted in the program"),
    Column(
        "memory",
        lambda row: units.size(row.bytes) if row.bytes is not None else "",
        "temporary + argument + output - alias bytes of a call",
    ),
    Column(
        "compile",
        lambda row: units.seconds(row.compile_seconds) if row.compile_seconds is not None else "",
        "from the Python function to the executable, once",
    ),
)


def heading(comparison: Comparison) -> str:
    """Say what is compared, in one line."""
    order = ", second order" if comparison.order == 2 else ""
    return f"{comparison.name}: {comparison.sizes}, {comparison.dtype}{order}"


def numbered_notes(comparison: Comparison) -> dict[str, int]:
    """Number the rows' notes, each once: the rows refer to them by these numbers."""
    notes = dict.fromkeys(row.note for row in comparison.rows if row.note)
    return {note: number for number, note in enumerate(notes, start=1)}


def table_cells(comparison: Comparison) -> list[list[str]]:
    """Return a header, and a line for each row; notes are referred to by number."""
    notes = numbered_notes(comparison)
    lines = [[column.title for column in COLUMNS]]
    for row in comparison.rows:
        cells = [column.show(row) for column in COLUMNS]
        cells[0] += f" [{notes[row.note]}]" if row.note else ""
        lines.append(cells)
    return lines


def about(comparison: Comparison) -> str:
    """Say what a reader should know of the whole table."""
    floor = f"dispatch floor {units.seconds(comparison.floor)}"
    return "; ".join([floor, *comparison.notes])


def crossing(comparison: Comparison) -> str:
    """Say up to how many inputs forward mode is the faster one; `""` if that was not measured."""
    if comparison.crossover is None:
        return ""
    found = comparison.crossover
    each = [
        f"{mode} {units.seconds(line.intercept.value)} + {units.seconds(line.slope.value)} k"
        for mode, line in (("forward", found.forward), ("reverse", found.reverse))
    ]
    ends = found.inputs
    value, low, high = (_count(number) for number in (ends.value, ends.low, ends.high))
    outputs = f"{comparison.m:,} output" + ("" if comparison.m == 1 else "s")
    return (
        f"for {outputs} forward mode is faster up to {value} inputs "
        f"({low} to {high}, {LEVEL}); "
        f"a batch of k directions costs {' and '.join(each)}"
    )


def _count(inputs: float) -> str:
    return f"{inputs:,.0f}" if math.isfinite(inputs) else "any number of"
