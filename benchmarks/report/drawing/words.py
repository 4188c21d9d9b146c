"""Words and lines in a chart."""

import html
import textwrap

from .style import STYLES, Style

#: The width of a letter and the height of a line, at the size that charts are written in.
LETTER, LEADING = 6.9, 17


def place(value: float) -> str:
    """Write a coordinate to a tenth.

    Example:
        >>> place(12.0), place(1234.56)
        ('12', '1234.6')
    """
    return f"{value:.1f}".removesuffix(".0")


def word(
    text: str, x: float, y: float, *, at: str = "start", size: int = 0, faint: str = ""
) -> str:
    """Return a text that begins, has its middle or ends at a place.

    Example:
        >>> word("a < b", 1, 2, at="end")
        '<text x="1" y="2" text-anchor="end">a &lt; b</text>'
    """
    anchor = "" if at == "start" else f' text-anchor="{at}"'
    smaller = f' font-size="{size}"' if size else ""
    opacity = f' fill-opacity="{faint}"' if faint else ""
    return (
        f'<text x="{place(x)}" y="{place(y)}"{anchor}{smaller}{opacity}>{html.escape(text)}</text>'
    )


def rule(x1: float, y1: float, x2: float, y2: float, look: str = "") -> str:
    """Return a line from one place to another.

    Example:
        >>> rule(0, 1, 2, 3)
        '<path d="M0 1L2 3" stroke="currentColor" fill="none"/>'
    """
    more = f" {look}" if look else ""
    path = f"M{place(x1)} {place(y1)}L{place(x2)} {place(y2)}"
    return f'<path d="{path}" stroke="currentColor" fill="none"{more}/>'


def symbol(mode: str, x: float, y: float) -> str:
    """Return the mark of a mode at a place.

    Example:
        >>> symbol("forward", 1, 2)
        '<path transform="translate(1 2)" d="M-4.2 -4.2H4.2V4.2H-4.2z" fill="#2f86c9"/>'
    """
    style: Style = STYLES[mode]
    look = f'fill="{style.colour}"'
    if style.hollow:
        look = f'fill="none" stroke="{style.colour}" stroke-width="2.5"'
    return f'<path transform="translate({place(x)} {place(y)})" d="{style.shape}" {look}/>'


def folded(text: str, room: float, most: int = 9) -> list[str]:
    """Return a text in lines that fit some room, of which the last one may be cut.

    Example:
        >>> folded("impossible: no rule", 90)
        ['impossible:', 'no rule']
    """
    letters = max(int(room / LETTER), 8)
    return textwrap.wrap(text, letters, max_lines=most, placeholder=" …", break_on_hyphens=False)


def legend(entries: list[tuple[str, str]], width: float, top: float) -> tuple[list[str], float]:
    """Return the names of modes beside their marks, and how far down they reach.

    Args:
        entries: A mode and a name each.
        width: The room for a line of them.
        top: Where the first line is.
    """
    body: list[str] = []
    x, y = 8.0, top
    for mode, name in entries:
        wide = 26 + LETTER * len(name)
        if x > 8.0 and x + wide > width:
            x, y = 8.0, y + LEADING
        body += [symbol(mode, x, y), word(name, x + 10, y + 4.5)]
        x += wide
    return body, (y + LEADING if entries else top)
