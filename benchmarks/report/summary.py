"""Many comparisons in one table: the lecture's four ways to take a derivative, side by side."""

from collections.abc import Callable, Sequence

from ..comparison.findings import Finding
from ..comparison.record import Comparison
from ..comparison.row import Row
from ..instrument import units
from ..instrument.text import WIDTH, filled, fitted
from .cells import WAYS

_HEADER = ("scenario", "fastest", "by", "doubt", "inputs", "outputs", "value", *WAYS)
_ERROR = "numerical's error"
#: The columns that a narrow table goes without, the most dispensable ones first.
_SPARE = (_ERROR, "outputs", "value", "by", "inputs")
#: What stands in the column of doubts, in a word, and what it means.
_DOUBTS = {
    "busy": "busy: calls waited, so the fastest is told by CPU time, or cannot be told (?)",
    "few samples": "few samples: give it more seconds of measuring (--budget)",
}


def summary_cells(comparisons: Sequence[Comparison]) -> list[list[str]]:
    """Return a header, and a line for each comparison.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> summary_cells([EXAMPLE])[1]
        ['suite/sine', 'reverse', '3 x', '', '5', '1', '10 us', '11', '', '6', '2', '1.0e-03']
    """
    return [[*_HEADER, _ERROR], *(_line(comparison) for comparison in comparisons)]


def summary_text(comparisons: Sequence[Comparison], width: int = WIDTH) -> str:
    """Return the summary as plain text, with a legend and the reasons for missing figures.

    Args:
        comparisons: What was compared.
        width: The most characters in a line. A wide table has columns that a narrow one has not.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> print(summary_text([EXAMPLE]))
        suite/  fastest   by  inputs  outputs  value  numerical  forward  reverse
        ------  -------  ---  ------  -------  -----  ---------  -------  -------
        sine    reverse  3 x       5        1  10 us         11        6        2
        Time of each way over the function's own (10 us); lower is better.
        Numerical differentiation is off by 1.0e-03 of the largest entry.
    """
    suite = _suite(comparisons)
    (_, *titles), *lines = summary_cells(comparisons)
    cells = [[suite or _HEADER[0], *titles]]
    cells += [[name.removeprefix(suite), *figures] for name, *figures in lines]
    table = fitted(cells, width, spare=_SPARE)
    texts = (*legend(comparisons, table.left_out), *_reasons(comparisons))
    return "\n".join([*table.lines, *(filled(text, "  ", width) for text in texts)])


def legend(comparisons: Sequence[Comparison], left_out: Sequence[str] = ()) -> list[str]:
    """Return sentences that say what a summary's figures are.

    Args:
        comparisons: What was compared.
        left_out: The titles of columns that the table lacks, whose range is told instead.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> legend([EXAMPLE])
        ["Time of each way over the function's own (10 us); lower is better."]
    """
    rows = [row for comparison in comparisons for row in comparison.rows]
    values = [row.seconds for row in rows if row.method == "value" and row.seconds is not None]
    errors = [row.error for row in rows if row.method == "numerical" and row.error is not None]
    value = f" ({_range(values, units.seconds)})" if values else ""
    texts = [f"Time of each way over the function's own{value}; lower is better."]
    if _ERROR in left_out:
        off = _range(errors, lambda error: f"{error:.1e}")
        texts.append(f"Numerical differentiation is off by {off} of the largest entry.")
    doubts = {_doubt(one.verdict.time) for one in comparisons}
    return texts + [meaning for doubt, meaning in _DOUBTS.items() if doubt in doubts]


def _suite(comparisons: Sequence[Comparison]) -> str:
    """Return what all names begin with, such as `"lecture/"`; `""` if there is no such thing."""
    suites = {"/".join([*one.name.split("/")[:-1], ""]) for one in comparisons}
    return suites.pop() if len(suites) == 1 else ""


def _range(figures: Sequence[float], show: Callable[[float], str]) -> str:
    """Write the least and the greatest of some figures, or the one that they all are."""
    return " to ".join(dict.fromkeys(map(show, (min(figures), max(figures)))))


def _reasons(comparisons: Sequence[Comparison]) -> list[str]:
    """Return a line for each way without a figure that has a note."""
    return [
        f"{comparison.name}, {row.method} {row.status}: {row.note}"
        for comparison in comparisons
        for row in comparison.rows
        if row.method in WAYS and row.ratio is None and row.note
    ]


def _line(comparison: Comparison) -> list[str]:
    rows = {row.method: row for row in comparison.rows}
    value, numerical = rows.get("value"), rows.get("numerical")
    time = comparison.verdict.time
    return [
        comparison.name,
        time.method or "?" * bool(time.doubt),
        _factor(time),
        _doubt(time),
        f"{comparison.n:,}",
        f"{comparison.m:,}",
        units.seconds(value.seconds) if value and value.seconds is not None else "",
        *(_ratio_or_status(rows.get(way)) for way in WAYS),
        f"{numerical.error:.1e}" if numerical and numerical.error is not None else "",
    ]


def _ratio_or_status(row: Row | None) -> str:
    if row is None:
        return ""
    return units.times(row.ratio.median) if row.ratio else row.status


def _doubt(time: Finding) -> str:
    """Return what makes the fastest doubtful in a word or two, which the legend explains."""
    return time.doubt.split(",")[0]


def _factor(time: Finding) -> str:
    """Return how many times faster the fastest method is, or is at least."""
    if time.factor is None or time.method in (None, "tie"):
        return ""
    return f"> {units.floored(time.factor)} x" if time.at_least else f"{units.times(time.factor)} x"
