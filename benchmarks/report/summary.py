"""Many comparisons in one table: the lecture's four ways to take a derivative, side by side."""

from collections.abc import Sequence

from ..comparison.record import Comparison
from ..comparison.row import Row
from ..instrument import units
from ..instrument.text import aligned, filled
from .cells import WAYS


def summary_cells(comparisons: Sequence[Comparison]) -> list[list[str]]:
    """Return a header, and a line for each comparison.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> summary_cells([EXAMPLE])[1]
        ['suite/sine', 'reverse, 3 x', '5', '1', '10 us', '11', '', '6', '2', '1.0e-03']
    """
    header = ["scenario", "verdict", "inputs", "outputs", "value", *WAYS, "numerical's error"]
    return [header, *(_line(comparison) for comparison in comparisons)]


def summary_text(comparisons: Sequence[Comparison]) -> str:
    """Return the summary as plain text, with a legend and the reasons for missing figures.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> print(summary_text([EXAMPLE]))
        scenario         verdict  inputs  outputs  value  numerical  symbolic  forward  reverse ...
        ----------  ------------  ------  -------  -----  ---------  --------  -------  ------- ...
        suite/sine  reverse, 3 x       5        1  10 us         11                  6        2 ...
        Time of each way over the time of the function itself (value); lower is better.
    """
    legend = "Time of each way over the time of the function itself (value); lower is better."
    return "\n".join([*aligned(summary_cells(comparisons)), legend, *_reasons(comparisons)])


def _reasons(comparisons: Sequence[Comparison]) -> list[str]:
    """Return a line for each way without a figure that has a note."""
    return [
        filled(f"{comparison.name}, {row.method} {row.status}: {row.note}", "  ")
        for comparison in comparisons
        for row in comparison.rows
        if row.method in WAYS and row.ratio is None and row.note
    ]


def _line(comparison: Comparison) -> list[str]:
    rows = {row.method: row for row in comparison.rows}
    value, numerical = rows.get("value"), rows.get("numerical")
    return [
        comparison.name,
        _fastest(comparison),
        f"{comparison.n:,}",
        f"{comparison.m:,}",
        units.seconds(value.seconds) if value and value.seconds is not None else "",
        *(_ratio_or_status(rows.get(way)) for way in WAYS),
        f"{numerical.error:.1e}" if numerical and numerical.error is not None else "",
    ]


def _ratio_or_status(row: Row | None) -> str:
    if row is None:
        return ""
    return f"{row.ratio.median:.3g}" if row.ratio else row.status


def _fastest(comparison: Comparison) -> str:
    """Return the fastest method, how many times faster it is, and what makes that doubtful."""
    time = comparison.verdict.time
    if time.method is None:
        return f"? {time.doubt}" if time.doubt else ""
    if time.method == "tie" or time.factor is None:
        return time.method
    at_least = "at least " if time.at_least else ""
    doubt = f" ({time.doubt})" if time.doubt else ""
    return f"{time.method}, {at_least}{time.factor:.3g} x{doubt}"
