"""Lines of one width out of cells, by how wide their characters are on a screen."""

from collections.abc import Sequence
from unicodedata import combining, east_asian_width

_CUT = "…"


def width_of(text: str) -> int:
    """Return how many columns a text takes: a letter of Chinese takes two, an accent none.

    Example:
        >>> width_of("loss"), width_of("損失"), width_of("a\u0307")
        (4, 4, 1)
    """
    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )


def cut(text: str, most: int) -> str:
    """Return a text that takes at most so many columns, with a mark where it was cut.

    Example:
        >>> cut("a long name", 6), cut("short", 6)
        ('a lon…', 'short')
    """
    if width_of(text) <= most:
        return text
    taken = ""
    for char in text:
        if width_of(taken + char) > most - 1:
            break
        taken += char
    return taken + _CUT if most > 0 else ""


def wrapped(text: str, most: int, indent: str = "  ") -> list[str]:
    """Break a text between its words into lines of at most so many columns.

    Example:
        >>> wrapped("a text of six short words", 12)
        ['a text of', '  six short', '  words']
    """
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines[-1].strip() else lines[-1] + word
        if width_of(joined) > most and lines[-1].strip():
            lines.append(indent)
            joined = indent + word
        while width_of(joined) > most:  # a word that is longer than a line
            head = cut(joined, most).removesuffix(_CUT)
            lines[-1:] = [head, indent]
            joined = indent + joined[len(head) :]
        lines[-1] = joined
    return lines


def laid_out(rows: Sequence[Sequence[str]], *, left: Sequence[bool], width: int) -> list[str]:
    r"""Lay rows out in columns; the first column gives way where a line would be too long.

    Args:
        rows: Cells, as many in each row.
        left: Which columns stand at the left of their room; the others stand at the right.
        width: The most columns of a line.

    Example:
        >>> print(*laid_out([["a long name", "2"], ["b", "13"]], left=[1, 0], width=10), sep="\n")
        a lon…   2
        b       13
    """
    rooms = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    rooms[0] = max(width_of(row[0]) for row in rows if any(row[1:]))
    others = sum(room + 2 for room in rooms[1:] if room)
    rooms[0] = max(min(rooms[0], width - others), 1)
    lines = []
    for row in rows:
        if not any(row[1:]):
            lines.append(cut(row[0], width))
            continue
        cells = [_padded(*cell) for cell in zip(row, rooms, left, strict=True) if cell[1]]
        lines.append(cut("  ".join(cells).rstrip(), width))
    return lines


def _padded(text: str, room: int, left: bool) -> str:
    text = cut(text, room)
    space = " " * (room - width_of(text))
    return text + space if left else space + text
