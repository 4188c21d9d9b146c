"""The cells of a comparison's table, from which text, Markdown and HTML are made."""

import math
from collections.abc import Callable
from typing import NamedTuple

from ..comparison.record import Comparison
from ..comparison.row import Row
from ..instrument import units
from ..instrument.statistics import LEVEL

#: The lecture's four ways to take a derivative, by method.
WAYS = ("numerical", "symbolic", "forward", "reverse")


class Column(NamedTuple):
    """A column: its title, what it shows of a row, and what that means."""

    title: str
    show: Callable[[Row], str]
    meaning: str


def _time_or_status(row: Row) -> str:
    if row.seconds is None:
        return row.status
    return units.seconds(row.seconds) if row.samples else f"~{units.seconds(row.seconds)}"


def _ratio(row: Row) -> str:
    if row.ratio is None:
        return ""
    median = units.times(row.ratio.median)
    if row.ratio.interval is None:
        return f"{median} (of {row.ratio.rounds})"
    low, high = map(units.times, row.ratio.interval)
    return median if low == high else f"{median} ({low}-{high})"


def _flops(row: Row) -> str:
    if row.flops is None:
        return ""
    if not row.flops.known:
        return "unknown"
    if row.flops.low != row.flops.high:
        return f"{units.amount(row.flops.low)} to {units.amount(row.flops.high)}"
    return units.amount(row.flops.high)


def _error(row: Row) -> str:
    if row.error is None:
        return "-" if row.status in ("ok", "inaccurate") else ""
    return f"{row.error:.1e}"


COLUMNS = (
    Column("method", lambda row: row.method, "the way to differentiate"),
    Column("time", _time_or_status, "median wall time of a call, or why there is none"),
    Column(
        "x value",
        _ratio,
        f"time over that of the function, with its ({LEVEL}), or (of how many samples) where they "
        "are too few for one",
    ),
    Column(
        "bound",
        lambda row: f"{row.bound:.4g}" if row.bound is not None else "",
        "the most operations that theory allows, over the function's (Griewank & Walther, 2008)",
    ),
    Column(
        "error",
        _error,
        "largest error of any entry over the largest entry, against float64 where possible; a dash "
        "where there is nothing to compare with, as the note says",
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
        "time from the Python function to the executable, once",
    ),
)

#: The columns that a narrow table goes without, the most dispensable ones first.
SPARE = ("bound", "FLOPs", "compile")


def heading(comparison: Comparison) -> str:
    """Return in one line what is compared.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> heading(EXAMPLE)
        'suite/sine: 5 inputs -> 1 output, float32'
    """
    order = ", second order" if comparison.order == 2 else ""
    return f"{comparison.name}: {comparison.sizes}, {comparison.dtype}{order}"


def numbered_notes(comparison: Comparison) -> dict[str, int]:
    """Return the different notes of the rows, and the number that the table refers to each by.

    Example:
        >>> from dataclasses import replace
        >>> from benchmarks.report.example import EXAMPLE
        >>> noted = [replace(row, note="8 at a time") for row in EXAMPLE.rows]
        >>> numbered_notes(replace(EXAMPLE, rows=tuple(noted)))
        {'8 at a time': 1}
    """
    notes = dict.fromkeys(row.note for row in comparison.rows if row.note)
    return {note: number for number, note in enumerate(notes, start=1)}


def table_cells(comparison: Comparison) -> list[list[str]]:
    """Return a header and a line for each row, which refers to its note by number.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> header, *lines = table_cells(EXAMPLE)
        >>> lines[-1]
        ['reverse', '20 us', '2', '4', '1.0e-07', '200', '340 B', '100 ms']
    """
    notes = numbered_notes(comparison)
    lines = [[column.title for column in COLUMNS]]
    for row in comparison.rows:
        cells = [column.show(row) for column in COLUMNS]
        cells[0] += f" [{notes[row.note]}]" if row.note else ""
        lines.append(cells)
    return lines


def about(comparison: Comparison) -> str:
    """Return what a reader should know of the whole table.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> about(EXAMPLE)
        'dispatch floor 1 us'
    """
    floor = f"dispatch floor {units.seconds(comparison.floor)}"
    incomplete = [f"incomplete: {comparison.incomplete}"] if comparison.incomplete else []
    return "; ".join([*incomplete, floor, *comparison.notes])


def to_type(comparison: Comparison) -> list[str]:
    """Return what to type for the fastest derivative; nothing if none is known to be right.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> to_type(EXAMPLE)
        ['jax.jit(jax.grad(sine))']
    """
    take = comparison.verdict.time.take
    return [row.use for row in comparison.rows if row.method == take and row.use]


def crossing(comparison: Comparison) -> str:
    """Return in words up to how many inputs forward mode is faster; `""` if nothing was measured.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> crossing(EXAMPLE).split(";")[0]
        'for 1 output forward mode is faster up to 3 inputs (2 to any number of, 99 % interval)'
    """
    if comparison.crossover is None:
        return ""
    crossover = comparison.crossover
    costs = [
        f"{mode} {units.seconds(line.intercept.value)} + {units.seconds(line.slope.value)} k"
        for mode, line in (("forward", crossover.forward), ("reverse", crossover.reverse))
    ]
    inputs = crossover.inputs
    value, low, high = (_count(number) for number in (inputs.value, inputs.low, inputs.high))
    outputs = f"{comparison.m:,} output" + ("" if comparison.m == 1 else "s")
    spread = f"{low} to {high}, {LEVEL}" if inputs.bounded else "too few samples for an interval"
    return (
        f"for {outputs} forward mode is faster up to {value} inputs ({spread}); "
        f"a batch of k directions costs {' and '.join(costs)}"
    )


def _count(inputs: float) -> str:
    return f"{inputs:,.0f}" if math.isfinite(inputs) else "any number of"
