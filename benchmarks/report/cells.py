"""The cells of a comparison's table, from which text, Markdown and HTML are made."""

import math

from ..comparison.fastest import WAITED
from ..comparison.record import Comparison
from ..instrument import units
from ..instrument.intervals import LEVEL
from .columns import by_cost, columns


def heading(comparison: Comparison) -> str:
    """Return in one line what is compared.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> heading(EXAMPLE)
        'suite/sine: 5 inputs -> 1 output, float32'
    """
    order = ", second order" if comparison.order == 2 else ""
    return f"{comparison.name}: {comparison.sizes}, {comparison.dtype}{order}"


def notes_by_method(comparison: Comparison) -> list[tuple[str, str]]:
    """Return the notes of the rows, each with the names of the methods that it is said of.

    That a row waited for a busy machine is told by its `?`.

    Example:
        >>> from dataclasses import replace
        >>> from benchmarks.report.example import EXAMPLE
        >>> noted = [replace(row, note="8 at a time") for row in EXAMPLE.rows[2:]]
        >>> notes_by_method(replace(EXAMPLE, rows=tuple(noted)))
        [('reverse, forward', '8 at a time')]
    """
    notes: dict[str, list[str]] = {}
    for row in by_cost(comparison):
        parts = [part for part in row.note.split("; ") if not part.startswith(WAITED)]
        if any(parts):
            notes.setdefault("; ".join(parts), []).append(row.method)
    return [(", ".join(names), note) for note, names in notes.items()]


def table_cells(comparison: Comparison) -> list[list[str]]:
    """Return a header and a line for each row, the cheapest first.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> header, *lines = table_cells(EXAMPLE)
        >>> lines[1]
        ['reverse', '20', '2 x', '340', '1.0e-07', '4 x', '200', '100']
    """
    shown = columns(comparison)
    rows = zip(*(column.cells for column in shown), strict=True)
    return [[column.title for column in shown], *([cell.strip() for cell in row] for row in rows)]


def remarks(comparison: Comparison) -> list[tuple[str, str]]:
    """Return what is to be known of single ways and of the whole, each with its name.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> [name for name, _ in remarks(EXAMPLE)]
        ['why', 'compile', 'crossing', 'keeps', 'checks']
    """
    kept = "; ".join(comparison.residuals)
    pairs = [
        *notes_by_method(comparison),
        ("why", comparison.verdict.why),
        ("compile", comparison.verdict.compile.text),
        ("crossing", crossing(comparison)),
        ("keeps", f"in reverse mode {kept}" if kept else ""),
        ("checks", about(comparison)),
    ]
    return [(name, text) for name, text in pairs if text]


def about(comparison: Comparison) -> str:
    """Return what a reader should know of the whole table.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> about(EXAMPLE)
        'dispatch floor 1 us'
    """
    floor = f"dispatch floor {units.seconds(comparison.floor)}"
    return "; ".join([floor, *comparison.notes])


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
