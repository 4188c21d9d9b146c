"""Comparisons as files, by the ending of the name."""

import csv
import html
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from ..comparison.file import save as save_json
from ..comparison.file import write_file
from ..comparison.record import Comparison
from .cells import about, crossing, heading, numbered_notes, table_cells
from .charts import bars, ways
from .page import page
from .summary import summary_cells

#: Figures of a row in a CSV file; times in seconds, sizes in bytes.
_FIGURES = ("seconds", "cpu_seconds", "bound", "error", "bytes", "xla_flops", "compile_seconds")


def save(comparison: Comparison, path: Path) -> None:
    """Write one comparison as JSON, CSV, HTML, Markdown or a picture.

    Raises:
        ValueError: If the ending of `path` is none of these, or there is nothing to draw.
    """
    if path.suffix == ".json":
        save_json(comparison, path)
        return
    write_report([comparison], path)


def write_report(comparisons: Sequence[Comparison], path: Path) -> None:
    """Write comparisons as `.json`, `.csv`, `.html`, `.md` or `.png`.

    The picture shows one comparison's methods, or the lecture's four ways in all of them. A file is
    the old one or the whole new one at every moment.

    Raises:
        ValueError: If the ending of `path` is none of these, or there is nothing to write or draw.
    """
    if not comparisons:
        raise ValueError("there are no comparisons to report")
    check_ending(path)
    if path.suffix == ".json":
        save_json(comparisons, path)
    elif path.suffix == ".png":
        write_file(path, _drawn(comparisons))
    else:
        write_file(path, _TEXTS[path.suffix](comparisons))


def check_ending(path: Path) -> None:
    """Check that a report can be written to a file of this ending.

    Raises:
        ValueError: If it cannot.

    Example:
        >>> check_ending(Path("found.html"))
    """
    endings = (".json", ".png", *_TEXTS)
    if path.suffix not in endings:
        raise ValueError(f"{path} must end in one of {', '.join(endings)}")


def _drawn(comparisons: Sequence[Comparison]) -> bytes:
    figure = bars(comparisons[0]) if len(comparisons) == 1 else ways(comparisons)
    if figure is None:
        raise ValueError(f"{comparisons[0].name} has no two rows with times to draw")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, bbox_inches="tight")
    return buffer.getvalue()


def table(comparisons: Sequence[Comparison]) -> str:
    """Write every row of every comparison, a line each."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    header = ["scenario", "method", "mode", "kind", "status", *_FIGURES]
    writer.writerow([*header, "ratio", "ratio_low", "ratio_high", "flops", "note"])
    for found in comparisons:
        for row in found.rows:
            ratio = (row.ratio.median, row.ratio.low, row.ratio.high) if row.ratio else ("",) * 3
            flops = row.flops.mean if row.flops and row.flops.known else ""
            figures = [getattr(row, figure) for figure in _FIGURES]
            known = ["" if figure is None else figure for figure in figures]
            kind = [found.name, row.method, row.mode, row.kind, row.status]
            writer.writerow([*kind, *known, *ratio, flops, row.note])
    return lines.getvalue()


def markdown(comparisons: Sequence[Comparison]) -> str:
    """Write a summary for a pull request: the verdicts, and each table folded away."""
    lines = ["## What derivatives cost", ""]
    if len(comparisons) > 1:
        lines += [*_pipes(summary_cells(comparisons)), ""]
    for found in comparisons:
        lines += [f"<details><summary>{_escaped(heading(found))}</summary>", ""]
        lines += [*_pipes(table_cells(found)), ""]
        notes = numbered_notes(found).items()
        lines += [f"{number}. {_escaped(note)}" for note, number in notes]
        lines += ["", _escaped(about(found)), ""]
        lines += [f"* {_escaped(text)}" for text in str(found.verdict).splitlines()]
        lines += [f"* crossing {crossing(found)}"] if found.crossover else []
        lines += ["", "</details>", ""]
    return "\n".join(lines)


def _pipes(cells: Sequence[Sequence[str]]) -> list[str]:
    rows = ["| " + " | ".join(map(_escaped, row)) + " |" for row in cells]
    return [rows[0], "|" + "|".join([":--", *["--:"] * (len(cells[0]) - 1)]) + "|", *rows[1:]]


def _escaped(text: str) -> str:
    """Escape what would be HTML or the border of a cell, such as `<lambda>`."""
    return html.escape(text, quote=False).replace("|", "&#124;")


_TEXTS: dict[str, Callable[[Sequence[Comparison]], str]] = {
    ".csv": table,
    ".html": page,
    ".md": markdown,
}
