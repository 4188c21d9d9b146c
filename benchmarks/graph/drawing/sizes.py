"""How much room a box takes, and where its texts and maps stand in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .cards import Card
from .heat import Sight

#: The letters that stand before a tangent and an adjoint; a value has none.
LETTERS = {"value": "", "tangent": "ẏ", "adjoint": "ȳ"}
#: Heights: of the label, of a line of small text, of a number; and the margins.
HEAD, SMALL, NUMBER, MARGIN = 19, 13, 15, 6
#: How wide letters are, over the size of the type, that are not as wide as most.
_NARROW = dict.fromkeys("ijlI.,:;'|![]()ft ˙·", 0.36) | dict.fromkeys("mwMW@%—", 0.95)
_SMALLEST = 44
#: Longer labels are in smaller letters.
_LONG = 22


@dataclass(frozen=True, kw_only=True)
class Line:
    """A text or a map in a box.

    Attributes:
        kind: The class that it is drawn in: `"label"`, `"small"`, `"value"`, ...
        y: The base line of a text, the upper edge of a map.
        text: The text; for a map the letter before it.
        sight: The map; `None` for a text.
    """

    kind: str
    y: float
    text: str
    sight: Sight | None = None


def lines(card: Card, quantities: Sequence[str], which: int = 0) -> Iterator[Line]:
    """Yield the lines of a box from the top to the bottom, the label apart.

    Args:
        card: The box.
        quantities: Which of `"value"`, `"tangent"` and `"adjoint"` it shows.
        which: The pass that the tangents are of.
    """
    y = MARGIN + HEAD
    for text in card.small:
        yield Line(kind="small", y=y + 9, text=text)
        y += SMALL
    for kind in quantities:
        sight = quantity(card, kind, which)
        if sight is not None and sight.cells:
            yield Line(kind=kind, y=y + 2, text=LETTERS[kind], sight=sight)
        elif sight is not None:
            yield Line(kind=kind, y=y + 11, text=f"{LETTERS[kind]} {sight.text}".strip())
        y += _height(sight)


def quantity(card: Card, kind: str, which: int = 0) -> Sight | None:
    """Return the value, the tangent or the adjoint of a box."""
    if kind == "tangent":
        return card.tangents[which] if which < len(card.tangents) else None
    return card.value if kind == "value" else card.adjoint


def height(card: Card, quantities: Sequence[str]) -> float:
    """Return how high a box is."""
    return (
        2 * MARGIN
        + HEAD
        + SMALL * len(card.small)
        + sum(_height(quantity(card, kind)) for kind in quantities)
    )


def _height(sight: Sight | None) -> float:
    if sight is None:
        return 0
    return sight.rows * cell(sight) + 5 if sight.cells else NUMBER


def width(card: Card) -> float:
    """Return how wide a box is, whatever it shows of its numbers."""
    head = text_width(card.label, head_size(card), bold=True)
    head += 6 + text_width(card.name, 14) if card.name else 0
    widths = [head, *(text_width(text, 10.5) for text in card.small)]
    for letter, sights in (("", [card.value]), ("ȳ ", [card.adjoint, *card.tangents])):
        for sight in sights:
            if sight is not None and sight.cells:
                widths.append(sight.columns * cell(sight) + 26)
            elif sight is not None:
                widths.append(7.0 * len(letter + sight.text))
    return max(_SMALLEST, round(max(widths)) + 2 * MARGIN + 4)


def head_size(card: Card) -> float:
    """Return the size of a box's label: smaller for a long one."""
    return 15 if len(card.label) <= _LONG else 12


def cell(sight: Sight) -> int:
    """Return the size of a map's cells: larger ones for small maps."""
    return max(5, min(14, 60 // sight.columns, 72 // sight.rows))


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return about how wide a text is, on the safe side, in any common typeface.

    Example:
        >>> text_width("+", 15) < text_width("softmax", 15)
        True
    """
    ems = sum(_NARROW.get(letter, 0.72 if letter.isupper() else 0.58) for letter in text)
    return size * ems * (1.08 if bold else 1)
