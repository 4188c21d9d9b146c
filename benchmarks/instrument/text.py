"""Text in columns, in lines of one width, and as a small HTML table."""

import html
import textwrap
from collections.abc import Collection, Sequence

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


def filled(text: str, indent: str, width: int = WIDTH) -> str:
    """Break a text into lines of at most `width` characters, all but the first one indented.

    Example:
        >>> filled("short", "  ")
        'short'
    """
    return textwrap.fill(text, width, subsequent_indent=indent)


def markdown_table(cells: Sequence[Sequence[str]], *, left: Collection[int] = (0,)) -> list[str]:
    r"""Return a header and lines as a Markdown table, the columns `left` aligned to the left.

    Example:
        >>> print(*markdown_table([["method", "time"], ["reverse", "1.2 ms"]]), sep="\n")
        | method | time |
        |:--|--:|
        | reverse | 1.2 ms |
    """
    lines = ["| " + " | ".join(map(in_markdown, line)) + " |" for line in cells]
    alignment = [":--" if column in left else "--:" for column in range(len(cells[0]))]
    return [lines[0], "|" + "|".join(alignment) + "|", *lines[1:]]


def in_markdown(text: str) -> str:
    """Escape what Markdown would take for HTML or for the border of a cell.

    Example:
        >>> in_markdown("a|<b>")
        'a&#124;&lt;b&gt;'
    """
    return html.escape(text, quote=False).replace("|", "&#124;")


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
