"""Tables as plain text and as HTML, and short excerpts of long texts."""

from __future__ import annotations

import html
from collections.abc import Sequence

Lines = Sequence[Sequence[object]]


def table(lines: Lines) -> str:
    """Return lines of cells as text, every column flush right, floats with four digits.

    Example:
        >>> print(table([["width", "loss"], [8, 0.123456]]))
        width    loss
            8  0.1235
    """
    cells = [[cell_text(cell) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in cells
    )


def html_table(lines: Lines, *, caption: str = "") -> str:
    """Return lines of cells as an HTML table whose first line is the head; every text is escaped.

    Example:
        >>> html_table([["a < b", "loss"], [8, 0.123456]])
        '<table><tr><th>a &lt; b</th><th>loss</th></tr><tr><td>8</td><td>0.1235</td></tr></table>'
    """
    rows = [
        "".join(f"<{tag}>{html.escape(cell_text(cell))}</{tag}>" for cell in line)
        for tag, line in zip(["th", *["td"] * len(lines)], lines, strict=False)
    ]
    head = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return f"<table>{head}{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def cell_text(cell: object) -> str:
    """Return what a table shows for a value.

    Example:
        >>> cell_text(0.123456), cell_text("adam")
        ('0.1235', 'adam')
    """
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def excerpt(text: object, *, most: int = 200) -> str:
    """Return the beginning of a text, for a message that quotes what a user has passed.

    Example:
        >>> excerpt("a long story", most=6)
        'a long ...'
    """
    text = str(text)
    return text if len(text) <= most else f"{text[:most]} ..."
