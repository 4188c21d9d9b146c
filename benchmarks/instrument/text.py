"""Text in columns, in lines of one width, and as a small HTML table."""

import html
import textwrap
from collections.abc import Sequence

#: Characters in a line of a terminal's width.
WIDTH = 100


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    r"""Lay rows out in columns, the first one to the left and the others to the right.

    The first row is the header; a line of dashes follows it.

    Example:
        >>> print(*aligned([["method", "time"], ["reverse", "1.2 ms"]]), sep="\n")
        method     time
        -------  ------
        reverse  1.2 ms
    """
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
    """Break a text into lines of at most `WIDTH` characters, all but the first one indented.

    Example:
        >>> filled("short", "  ")
        'short'
    """
    return textwrap.fill(text, WIDTH, subsequent_indent=indent)


def html_pairs(pairs: Sequence[tuple[str, object]]) -> str:
    """Write names and values as an HTML table whose cells may wrap; what says nothing is left out.

    Example:
        >>> print(html_pairs([("note", "a < b"), ("ratio", None)]).count("<tr>"))
        1
    """
    style = "text-align:left;white-space:normal;vertical-align:top"
    lines = [
        f'<tr><th style="{style}">{html.escape(name)}</th>'
        f'<td style="{style}">{html.escape(str(value))}</td></tr>'
        for name, value in pairs
        if value not in (None, "")
    ]
    return "<table>" + "".join(lines) + "</table>"
