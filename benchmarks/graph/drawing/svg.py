"""A graph as one SVG, which needs no network, no script and no typeface of its own."""

from collections.abc import Iterator, Sequence

from ..layout.place import Path, curve
from ..record import Graph
from ..words.naming import is_operation
from .amounts import counted
from .draw import box, escaped, number, text
from .heat import INFINITE, MINUS_INFINITE, NAN
from .picture import Label, Picture, Placed
from .sizes import text_width
from .style import style

_LINE = 20.0  # of the legend


def svg(graph: Graph) -> str:
    """Return the picture of a graph.

    Example:
        >>> from benchmarks.graph.parts import Node
        >>> x = Node(id=0, kind="input", operation="x", name="x")
        >>> svg(Graph(title="same", nodes=(x,)))[:4]
        '<svg'
    """
    picture = Picture(graph)
    quantities = picture.quantities()
    placed = picture.placed(quantities, shut=graph.shut, direction=graph.direction)
    wide = max(placed.placement.width, 420.0)
    legend, deep = _legend(picture, quantities, wide, placed.placement.height + 24)
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="graph" role="img"'
            f' aria-labelledby="graph-title graph-text" width="{number(wide)}"'
            f' height="{number(deep)}" viewBox="0 0 {number(wide)} {number(deep)}">',
            f'<title id="graph-title">{escaped(heading(graph))}</title>',
            f'<desc id="graph-text">{escaped(description(graph))}</desc>',
            f"<style>{style()}</style>",
            *_frames(picture, placed),
            *(_line(picture, placed, path, graph.direction) for path in placed.placement.paths),
            *_titles(picture, placed),
            *_boxes(picture, placed, quantities),
            *legend,
            "</svg>\n",
        ]
    )


def heading(graph: Graph) -> str:
    """Return what a picture is of."""
    return f"The computational graph of {graph.title}"


def description(graph: Graph) -> str:
    """Return a picture in a sentence or two, for those who do not see it."""
    operations = sum(map(is_operation, graph.nodes))
    names = [node.name or "an input" for node in graph.nodes if node.kind == "input"]
    shown = ", ".join(names[:8]) + (" and others" if len(names) > 8 else "")
    said = f"{counted(operations, 'operation')} of {shown or 'no inputs'}"
    sizes = f"{counted(graph.n, 'number')} differentiated, {counted(graph.m, 'output')}"
    reasons = [f"{why[:1].upper()}{why[1:]}." for why in (graph.forward, graph.reverse) if why]
    return " ".join([f"{said}; {sizes}.", *reasons])


def _frames(picture: Picture, placed: Placed) -> Iterator[str]:
    """Draw the open groups, the outer ones first."""
    for x, y, width, height in placed.placement.frames.values():
        yield (
            f'<g class="open" transform="translate({number(x)} {number(y)})"><rect class="box"'
            f' width="{number(width)}" height="{number(height)}" rx="8"/></g>'
        )


def _titles(picture: Picture, placed: Placed) -> Iterator[str]:
    """Write what the open groups are, over the lines that enter them from above."""
    for key, (x, y, _, _) in placed.placement.frames.items():
        card = picture.cards[key]
        name = " ".join(filter(None, (card.label, card.name)))
        name = " · ".join(filter(None, (name, card.turn)))
        yield f'<g class="open">{text(x + 10, y + 15, "heading halo", name)}</g>'


def _boxes(picture: Picture, placed: Placed, quantities: Sequence[str]) -> Iterator[str]:
    for key in placed.placement.boxes:
        x, y, width, height = placed.box(key)
        inside = box(picture.cards[key], (width, height), quantities)
        yield (
            f'<g id="{key}" class="{picture.cards[key].kind}"'
            f' transform="translate({number(x)} {number(y)})">{inside}</g>'
        )


def _line(picture: Picture, placed: Placed, path: Path, direction: str) -> str:
    """Draw a line, its tip, and what stands beside it."""
    enters = path.points[-1]
    x, y = placed.end(path.target, enters)
    shown = curve(path.points, direction)
    if (x, y) != enters:
        shown += f"V{number(y - 5)}" if placed.down else f"H{number(x - 5)}"
    still = " still" if picture.is_still(path.source) else ""
    tip = f"M{number(x)} {number(y)}" + ("l-4-8h8z" if placed.down else "l-8-4v8z")
    is_open = path.target in placed.placement.frames  # in which there is no room for a label
    label = Label() if is_open else picture.label(path.target, path.edges)
    return (
        f'<g class="line"><path class="edge{still}" d="{shown}"/><path class="tip" d="{tip}"/>'
        f"{_beside(label, x, y, down=placed.down, above=placed.above(path))}</g>"
    )


def _beside(label: Label, x: float, y: float, *, down: bool, above: bool) -> str:
    """Write what is done on the way, in grey, and what a line hands back, at its end."""
    if not label.note and not label.handed:
        return ""
    note = f'<tspan class="note">{escaped(label.note)}</tspan>' if label.note else ""
    gap = "  " if label.note and label.handed else ""
    if down:
        x, y = (x - 6 if above else x + 6), y - 11
    else:
        x, y = x - 10, (y - 4 if above else y + 11)
    side = " end" if above or not down else ""
    return (
        f'<text x="{number(x)}" y="{number(y)}" class="rule halo{side}">'
        f"{note}{gap}{escaped(label.handed)}</text>"
    )


def _legend(
    picture: Picture, quantities: Sequence[str], wide: float, top: float
) -> tuple[list[str], float]:
    """Write what colours and letters mean, in lines no wider than the picture."""
    parts, x, y = [], 12.0, top
    reasons = [("small", why) for why in (picture.graph.forward, picture.graph.reverse) if why]
    for kind, words in [*legend(picture, quantities), *reasons]:
        room = text_width(words, 12, bold=kind == "heading") + 16
        if x + room > wide and x > 12:
            x, y = 12.0, y + _LINE
        said = f'<tspan class="{kind}">{escaped(words)}</tspan>'
        parts.append(f'<text x="{number(x)}" y="{number(y)}">{said}</text>')
        x += room
    return parts, y + 12


def legend(picture: Picture, quantities: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the entries of the legend, each a class and a text."""
    yield "heading", picture.graph.title
    cards = picture.cards.values()
    if any(card.value for card in cards):
        yield "value", "value"
    if "tangent" in quantities and any(card.tangents for card in cards):
        yield "tangent", "ẏ tangent"
    if "adjoint" in quantities and any(card.adjoint for card in cards):
        yield "adjoint", "ȳ adjoint, ∂ output / ∂ y"
    if any(card.kept_anew for card in cards):
        yield "keeps", "▮ kept for the way back"
    if any(card.kept > card.kept_anew for card in cards):
        yield "keeps", "▯ kept, but there anyway"
    if any(s and s.cells for card in cards for s in (card.value, card.adjoint)):
        shown = "".join(s.cells for c in cards for s in (c.value, c.adjoint, *c.tangents) if s)
        marks = [("× NaN", NAN), ("△ ∞", INFINITE), ("▽ −∞", MINUS_INFINITE)]
        broken = "".join(f", {told}" for told, letter in marks if letter in shown)
        yield "small", f"maps: ■ above zero, ▬ below zero{broken}"
    for note in picture.graph.notes:
        yield "small", note
