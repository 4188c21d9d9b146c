"""Many comparisons in one table: the four ways of the lecture side by side."""

from collections.abc import Sequence

from ..comparison.record import Comparison
from ..comparison.row import Row
from ..instrument import units
from ..instrument.text import aligned, filled
from .cells import WAYS


def summary_cells(comparisons: Sequence[Comparison]) -> list[list[str]]:
    """Return a header and a line for each comparison."""
    header = ["scenario", "verdict", "inputs", "outputs", "value", *WAYS, "numerical's error"]
    return [header, *(_line(found) for found in comparisons)]


def summary_text(comparisons: Sequence[Comparison]) -> str:
    """Write the summary as plain text, with what its figures are and why some are missing."""
    legend = "Time of each way over the time of the function itself (value); lower is better."
    return "\n".join([*aligned(summary_cells(comparisons)), legend, *_missing(comparisons)])


def _missing(comparisons: Sequence[Comparison]) -> list[str]:
    return [
        filled(f"{found.name}, {row.method} {row.status}: {row.note}", "  ")
        for found in comparisons
        for row in found.rows
        if row.method in WAYS and row.ratio is None and row.note
    ]


def _line(found: Comparison) -> list[str]:
    rows = {row.method: row for row in found.rows}
    value, numerical = rows.get("value"), rows.get("numerical")
    return [
        found.name,
        _verdict(found),
        f"{found.n:,}",
        f"{found.m:,}",
        units.seconds(value.seconds) if value and value.seconds is not None else "",
        *(_way(rows.get(way)) for way in WAYS),
        f"{numerical.error:.1e}" if numerical and numerical.error is not None else "",
    ]


def _way(row: Row | None) -> str:
    if row is None:
        return ""
    return f"{row.ratio.median:.3g}" if row.ratio else row.status


def _verdict(found: Comparison) -> str:
    time = found.verdict.time
    if time.method is None or time.factor is None:
        return time.method or ""
    if time.method == "tie":
        return "tie"
    return f"{time.method}, {time.factor:.3g} x"
