"""A comparison as plain text."""

import textwrap
from collections.abc import Sequence

from ..comparison.record import Comparison
from .cells import about, crossing, heading, numbered_notes, table_cells

_WIDTH = 100


def text_table(comparison: Comparison) -> str:
    """The table, the notes its rows refer to, and the verdict."""
    rows = table_cells(comparison)
    lines = [heading(comparison)]
    lines += [comparison.why] if comparison.why else []
    lines += aligned(rows)
    for note, number in numbered_notes(comparison).items():
        lines.append(filled(f"[{number}] {note}", "    "))
    lines.append(filled(about(comparison), ""))
    if comparison.residuals:
        lines.append(filled("reverse mode keeps " + "; ".join(comparison.residuals), ""))
    if comparison.crossover:
        lines.append(filled(f"crossing {crossing(comparison)}", " " * 9))
    lines += [filled(line, " " * 9) for line in str(comparison.verdict).splitlines()]
    return "\n".join(lines)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines of aligned columns, the first one to the left and the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def filled(text: str, indent: str) -> str:
    """Text in lines of no more than a hundred characters, all but the first one indented."""
    return textwrap.fill(text, _WIDTH, subsequent_indent=indent)
