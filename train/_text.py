"""Tables and excerpts in plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def table(lines: Sequence[Sequence[Any]]) -> str:
    """Lines of cells, every column flush right; floats with four digits.

    Example:
        >>> print(table([["width", "loss"], [8, 0.123456]]))
        width    loss
            8  0.1235
    """
    cells = [[f"{x:.4g}" if isinstance(x, float) else str(x) for x in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in cells
    )


def excerpt(text: object, *, most: int = 200) -> str:
    """The beginning of a text, for a message that quotes what a user has passed.

    Example:
        >>> excerpt("a long story", most=6)
        'a long ...'
    """
    text = str(text)
    return text if len(text) <= most else f"{text[:most]} ..."
