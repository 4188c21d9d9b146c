"""Text in columns, in lines of one width, and as a small HTML table."""

import html
import shutil
import textwrap
from collections.abc import Collection, Sequence
from typing import NamedTuple

#: Characters in a line of a terminal's width.
WIDTH = 80
#: A first cell up to this length is never parted from its row for the sake of a spare column.
_LONG_NAME = 30


def terminal_width() -> int:
    """Return how many characters a line of the terminal has; of a file or a pipe, 80.

    The environment variable `COLUMNS` says otherwise.

    Example:
        >>> import os
        >>> os.environ["COLUMNS"] = "132"
        >>> terminal_width()
        132
        >>> del os.environ["COLUMNS"]
    """
    return shutil.get_terminal_size((WIDTH, 24)).columns


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    r"""Lay rows out in columns, the first one to the left and the others to the right.

    The first row is the header; a line of dashes follows it.

    Example:
        >>> print(*aligned([["method", "time"], ["reverse", "1.2 ms"]]), sep="\n")
        method     time
        -------  ------
        reverse  1.2 ms
    """
    return _laid_out(rows, [max(map(len, column)) for column in zip(*rows, strict=True)])


class Fitted(NamedTuple):
    """A table that fits a width.

    Attributes:
        lines: Its lines.
        left_out: The titles of the columns that there was no room for.
    """

    lines: list[str]
    left_out: list[str]


def fitted(rows: Sequence[Sequence[str]], width: int, *, spare: Sequence[str] = ()) -> Fitted:
    r"""Lay rows out like `aligned`, in lines of at most `width` characters.

    Columns that are empty are left out, and then the spare ones, one after another, until there is
    room for the others. A first cell that is too long even so stands alone, above its row.

    Args:
        rows: The header and the lines.
        width: The most characters in a line.
        spare: The titles of columns that may be left out, the most dispensable ones first.

    Example:
        >>> rows = [["method", "time", "bound"], ["a_candidate_of_mine", "1.2 ms", "4"]]
        >>> table = fitted(rows, 30, spare=["bound"])
        >>> print(*table.lines, sep="\n")
        method                 time
        -------------------  ------
        a_candidate_of_mine  1.2 ms
        >>> table.left_out
        ['bound']
        >>> print(*fitted(rows, 20, spare=["bound"]).lines, sep="\n")
        method    time
        ------  ------
        a_candidate_of_mine
                1.2 ms
    """
    names, *columns = zip(*rows, strict=True)
    columns = [column for column in columns if any(column[1:])]
    wanted = max((len(name) for name in names if len(name) <= _LONG_NAME), default=0)
    left_out = []
    for title in spare:
        if _room(columns, width) < wanted and title in (column[0] for column in columns):
            columns = [column for column in columns if column[0] != title]
            left_out.append(title)
    room = max(_room(columns, width), len(names[0]))
    lines = []
    for name, *cells in zip(names, *columns, strict=True):
        alone = len(name) > room
        lines += [[part] for part in textwrap.wrap(name, width)] if alone else []
        lines.append(["" if alone else name, *cells])
    widths = [max(len(line[0]) for line in lines if len(line) > 1 or not columns)]
    widths += [max(map(len, column)) for column in columns]
    return Fitted(_laid_out(lines, widths), left_out)


def _room(columns: Sequence[Sequence[str]], width: int) -> int:
    """Return how many characters of a line the other columns leave for the first one."""
    return width - sum(2 + max(map(len, column)) for column in columns)


def _laid_out(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    """Return a line for each row, and one of dashes below the first; a row may end early."""
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells[1:]]).rstrip())
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def filled(text: str, indent: str, width: int = WIDTH) -> str:
    """Break a text into lines of at most `width` characters, all but the first one indented.

    Example:
        >>> filled("short", "  ")
        'short'
    """
    return textwrap.fill(text, width, subsequent_indent=indent)


def coded(line: str, first: str, others: str, width: int = WIDTH) -> str:
    r"""Break a line of code at its spaces, so that it still runs when all of it is typed.

    Args:
        line: An expression inside of parentheses.
        first: What stands before it.
        others: What stands before its further lines.
        width: The most characters in a line, unless a word has more.

    Example:
        >>> print(coded('jax.jit(gradwise.derivative(f, "reverse", chunk=4))', "USE ", "    ", 40))
        USE jax.jit(gradwise.derivative(f,
            "reverse", chunk=4))
    """
    code, comment, said = line.partition("  # ")
    text = textwrap.fill(
        code,
        width,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
    last = text.rsplit("\n", 1)[-1]
    if not comment or len(last) + len(comment) + len(said) <= width:
        return text + comment + said
    return f"{text}\n{others}# {said}"


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


def html_table(cells: Sequence[Sequence[str]]) -> str:
    """Write a header and lines as an HTML table, the first column to the left.

    Example:
        >>> html_table([["method", "time"], ["a < b", "1 s"]]).count("</tr>")
        2
    """
    header, *rows = cells
    lines = [_html_line("th", header), *(_html_line("td", row) for row in rows)]
    return "<table>" + "\n".join(lines) + "</table>"


def _html_line(tag: str, cells: Sequence[str]) -> str:
    """Return a line of a table, the first cell to the left and the others to the right."""
    sides = ["left", *["right"] * (len(cells) - 1)]
    texts = [
        f'<{tag} style="text-align:{side}">{html.escape(cell)}</{tag}>'
        for side, cell in zip(sides, cells, strict=True)
    ]
    return f"<tr>{''.join(texts)}</tr>"


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
