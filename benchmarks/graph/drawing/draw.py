"""Boxes and maps as the elements of an SVG."""

import re
from collections.abc import Sequence
from html import escape

from .amounts import storage
from .cards import Card
from .heat import Sight, strokes
from .sizes import HEAD, MARGIN, cell, head_size, lines, text_width

#: What is no letter of an XML file: control characters, and halves of a pair.
_UNTOLD = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: How far behind one another the sheets of a stack lie.
SHEET = 4


def number(value: float) -> str:
    """Write a coordinate to a tenth.

    Example:
        >>> number(3.0), number(0.25)
        ('3', '0.2')
    """
    return f"{value:.1f}".removesuffix(".0")


def escaped(content: str) -> str:
    """Return a text as XML may hold it: what no file of it may is shown as such.

    Example:
        >>> escaped("a < b" + chr(0))
        'a &lt; b\ufffd'
    """
    return escape(_UNTOLD.sub("\ufffd", content))


def text(x: float, y: float, kind: str, content: str) -> str:
    """Return a text as an element.

    Example:
        >>> text(0, 3.5, "label", "<script>")
        '<text x="0" y="3.5" class="label">&lt;script&gt;</text>'
    """
    return f'<text x="{number(x)}" y="{number(y)}" class="{kind}">{escaped(content)}</text>'


def box(card: Card, size: tuple[float, float], quantities: Sequence[str], which: int = 0) -> str:
    """Return a box that stands at the origin.

    Args:
        card: What is written in it.
        size: Its width and its height.
        quantities: Which of `"value"`, `"tangent"` and `"adjoint"` it shows.
        which: The pass that the tangents are of.
    """
    width, _ = size
    middle = width / 2
    parts = [f"<title>{escaped(hover(card, which))}</title>"]
    if card.body == "loop":
        parts += [_rectangle(shift, shift, size, 4) for shift in (2 * SHEET, SHEET)]
    parts.append(_rectangle(0, 0, size, 14 if card.kind in ("input", "fixed") else 4))
    parts.append(_head(card, middle))
    for line in lines(card, quantities, which):
        if line.sight is None:
            parts.append(text(middle, line.y, f"{line.kind} middle", line.text))
        else:
            parts.append(heat_map(line.sight, middle, line.y, line.kind, line.text))
    if card.kept:
        parts.append(_kept(card, width))
    return "".join(parts)


def hover(card: Card, which: int = 0) -> str:
    """Return what a reader sees who points at a box: its numbers, and what is known of it."""
    numbers = [("value", card.value), ("adjoint ȳ", card.adjoint)]
    if which < len(card.tangents):
        numbers.insert(1, ("tangent ẏ", card.tangents[which]))
    said = [f"{name}: {sight.text or sight.range}" for name, sight in numbers if sight]
    return "\n".join([*card.about[:2], *said, *card.about[2:]])


def _rectangle(x: float, y: float, size: tuple[float, float], radius: float) -> str:
    place = f'x="{x}" y="{y}" ' if x or y else ""
    width, height = map(number, size)
    return f'<rect {place}width="{width}" height="{height}" rx="{radius}" class="box"/>'


def _head(card: Card, middle: float) -> str:
    label, kind = escaped(card.label), "label" if head_size(card) == 15 else "heading"
    if card.name:
        label += f'<tspan dx="6" class="name">{escaped(card.name)}</tspan>'
    return (
        f'<text x="{number(middle)}" y="{MARGIN + HEAD - 5}" class="{kind} middle">{label}</text>'
    )


def heat_map(sight: Sight, middle: float, y: float, kind: str, letter: str = "") -> str:
    """Return a map around a vertical line, with its letter to the left.

    Args:
        sight: The map.
        middle: The line.
        y: The upper edge.
        kind: `"value"`, `"tangent"` or `"adjoint"`.
        letter: What stands before it.
    """
    size = cell(sight)
    x = round(middle - sight.columns * size / 2)
    paths = "".join(f'<path class="{where}" d="{path}"/>' for where, path in strokes(sight))
    before = text(x - 4, y + min(10, sight.rows * size), f"{kind} end", letter) if letter else ""
    return (
        f'{before}<rect class="frame" x="{x}" y="{number(y)}" width="{sight.columns * size}"'
        f' height="{sight.rows * size}"/>'
        f'<g class="map {kind}" transform="translate({x} {number(y)})scale({size})">{paths}</g>'
    )


def _kept(card: Card, width: float) -> str:
    """Return the mark of what reverse mode keeps: filled if it asks for memory of its own."""
    said = storage(card.kept)
    wide = text_width(said, 9.5, bold=True) + 8
    x = width - wide + 5
    return (
        f'<g class="kept{"" if card.kept_anew else " there"}">'
        f'<rect x="{number(x)}" y="-8" width="{number(wide)}" height="13" rx="3"/>'
        f"{text(x + wide / 2, 2, 'middle', said)}</g>"
    )
