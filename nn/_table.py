"""A table of cells as text and as HTML; the first columns are text, the others numbers."""

import html
from collections.abc import Sequence


def as_text(rows: Sequence[Sequence[str]], *, text_columns: int) -> str:
    """Return the rows, headings first, as aligned text; numbers stand at the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if i < text_columns else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def as_html(rows: Sequence[Sequence[str]]) -> str:
    """Return the rows, headings first, as an HTML table with every text escaped."""
    tags = ["th", *["td"] * (len(rows) - 1)]
    lines = [
        "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
        for tag, row in zip(tags, rows, strict=True)
    ]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"
