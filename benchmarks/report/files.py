"""Comparisons as files, in the format that the ending of the name asks for."""

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from .._files import write_whole
from .._record_file import ending
from ..comparison.differences import Differences
from ..comparison.file import save as save_json
from ..comparison.record import Comparison
from ..instrument.text import in_markdown, markdown_table
from .advised import markdown_lines
from .answer import answers
from .cells import heading, remarks, table_cells
from .charts import costs
from .charts_of_many import ways
from .drawing.chart import Dots
from .drawing.png import as_png
from .drawing.svg import as_svg
from .page import page
from .summary import by_suite, legend, summary_cells

#: Fields of a row that are columns of a CSV file; times in seconds, sizes in bytes.
_NUMBERS = ("seconds", "cpu_seconds", "bound", "error", "bytes", "sent_bytes", "xla_flops")
_NUMBERS += ("compile_seconds",)


def save(comparison: Comparison, path: Path) -> None:
    """Write one comparison in the format that the ending of `path` asks for.

    Raises:
        ValueError: If the ending is none of these, or there is nothing to draw.

    Example:
        >>> import tempfile
        >>> from benchmarks.report.example import EXAMPLE
        >>> path = Path(tempfile.mkdtemp()) / "found.md"
        >>> save(EXAMPLE, path)
        >>> path.read_text().splitlines()[0]
        '## What derivatives cost'
    """
    if check_ending(path) == ".json":
        save_json(comparison, path)
        return
    write_report([comparison], path)


def write_report(
    comparisons: Sequence[Comparison], path: Path, *, since: Differences | None = None
) -> None:
    """Write comparisons as `.json`, `.csv`, `.html`, `.md`, `.svg` or `.png`, by the ending.

    A picture of one comparison shows its methods, a picture of several the lecture's four ways in
    each of them. At every moment `path` is the old file or the whole new one.

    Args:
        comparisons: What was compared.
        path: The file.
        since: What the run before and this one differ in, which a page shows too.

    Raises:
        ValueError: If there are no comparisons, the ending is none of these, or there is nothing to
            draw.

    Example:
        >>> import tempfile
        >>> from benchmarks.report.example import EXAMPLE
        >>> path = Path(tempfile.mkdtemp()) / "two.csv"
        >>> write_report([EXAMPLE, EXAMPLE], path)
        >>> len(path.read_text().splitlines())  # a header, and four rows of each
        9
    """
    if not comparisons:
        raise ValueError("there are no comparisons to report")
    of_path = check_ending(path)
    if of_path == ".json":
        save_json(comparisons, path)
    elif of_path == ".png":
        write_whole(path, as_png(_chart(comparisons)))
    elif of_path == ".html":
        write_whole(path, page(comparisons, since=since))
    else:
        write_whole(path, _TEXTS[of_path](comparisons))


def check_ending(path: Path) -> str:
    """Return the ending of a path, in lower case, if a report can be written to such a file.

    Raises:
        ValueError: If there is no format of this ending.

    Example:
        >>> check_ending(Path("found.HTML"))
        '.html'
    """
    return ending(path, ".json", ".png", ".html", *_TEXTS)


def _chart(comparisons: Sequence[Comparison]) -> Dots:
    """Return the chart that a picture shows."""
    chart = costs(comparisons[0]) if len(comparisons) == 1 else ways(comparisons)
    if chart is None:
        raise ValueError(f"{comparisons[0].name} has no two rows with times to draw")
    return chart


def _svg(comparisons: Sequence[Comparison]) -> str:
    return as_svg(_chart(comparisons)) + "\n"


def _csv(comparisons: Sequence[Comparison]) -> str:
    """Return every row of every comparison, a line each."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    header = ["scenario", "method", "mode", "kind", "status", *_NUMBERS]
    writer.writerow([*header, "ratio", "ratio_low", "ratio_high", "flops", "note"])
    for comparison in comparisons:
        for row in comparison.rows:
            ratio = (row.ratio.median, row.ratio.low, row.ratio.high) if row.ratio else ("",) * 3
            flops = row.flops.mean if row.flops and row.flops.known else ""
            values = [getattr(row, name) for name in _NUMBERS]
            numbers = ["" if value is None else value for value in values]
            names = [comparison.name, row.method, row.mode, row.kind, row.status]
            writer.writerow([*names, *numbers, *ratio, flops, row.note])
    return lines.getvalue()


def _markdown(comparisons: Sequence[Comparison]) -> str:
    """Return a summary for a pull request: the answers, with each table folded away."""
    lines = ["## What derivatives cost", ""]
    if len(comparisons) > 1:
        for group in by_suite(comparisons):
            lines += [*markdown_table(summary_cells(group)), ""]
            lines += [*(f"* {in_markdown(text)}" for text in legend(group)), ""]
    for comparison in comparisons:
        lines += [f"### {in_markdown(heading(comparison))}", ""]
        lines += _markdown_answers(comparison)
        lines += ["", "<details><summary>All ways</summary>", ""]
        lines += [*markdown_table(table_cells(comparison)), ""]
        lines += [
            f"* **{in_markdown(name)}** {in_markdown(text)}" for name, text in remarks(comparison)
        ]
        lines += ["", "</details>", ""]
    return "\n".join(lines)


def _markdown_answers(comparison: Comparison) -> list[str]:
    """Return the answer, what to type and the advice as a list."""
    lines = []
    for part in answers(comparison):
        text = f" {in_markdown(part.text)}" if part.text else ""
        code = f"{':' if text else ''} `{part.code}`" if part.code else ""
        lines.append(f"* **{part.name.capitalize()}**{text}{code}")
    return lines + markdown_lines(comparison)


_TEXTS: dict[str, Callable[[Sequence[Comparison]], str]] = {
    ".csv": _csv,
    ".md": _markdown,
    ".svg": _svg,
}
