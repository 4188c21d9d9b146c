"""One HTML page that needs no network: a graph to step through, to open and to search."""

import html
import json
from functools import cache
from pathlib import Path

from ..._document import html_document
from ..overlays import for_page
from ..record import Graph
from .amounts import storage
from .card_words import flops_in_short
from .cards import Card
from .draw import escaped
from .heat import COLUMNS, ROWS
from .packing import packed, without_spaces
from .page_data import Overlays, page_data
from .picture import Picture
from .style import page_style
from .svg import description, heading, legend

#: From how many nodes on a page has maps of at most so many rows and columns, and so many passes.
_SMALLER = {1000: (4, 6, 1), 300: (6, 8, 1), 30: (6, 10, 4), 0: (ROWS, COLUMNS, None)}
#: How wide a picture in a notebook is before it goes on in a next row, as `page.js` has it.
_NOTEBOOK = 900 / 0.78
_SCRIPTS = ("place", "draw", "ways", "page")


def page(graph: Graph, *, overlays: Overlays | None = None) -> str:
    """Return the page of a graph.

    Args:
        graph: The graph.
        overlays: What else can be shown in colour: by the name of an overlay and the key of a box,
            `"n12"` for a node and `"g3"` for a closed group, how strong its tint is, from 0 to 1,
            and what is written beside it. By default saturation, zeros, and where a NaN is made.

    Example:
        >>> from benchmarks.graph.example import EXAMPLE
        >>> page(EXAMPLE).splitlines()[6]
        '<title>The computational graph of logistic regression</title>'
    """
    picture = _picture(graph)
    entries = [*legend(picture, ("value", "tangent", "adjoint"))][1:]
    tints = for_page(graph) if overlays is None else overlays
    data = page_data(picture, entries, {**costs(picture), **tints})
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = text.encode("utf-8", "replace").decode("utf-8")  # half of a pair is no letter
    parts = {
        "title": escaped(heading(graph)),
        "description": escaped(description(graph)),
        "data": packed(text.replace("<", "\\u003c")),
        "script": _scripts(),
    }
    template = _file("page.html")
    # A part is filled in once, so that no text of a user is taken for the place of another part.
    pieces = template.split("{{")
    filled = [pieces[0]]
    for piece in pieces[1:]:
        name, _, rest = piece.partition("}}")
        filled.append(parts[name] + rest)
    return html_document(parts["title"], "".join(filled), style=page_style())


def in_notebook(graph: Graph) -> str:
    """Return the page as a frame for a notebook, so that neither's style reaches the other.

    Example:
        >>> from benchmarks.graph.example import EXAMPLE
        >>> in_notebook(EXAMPLE)[:14]
        '<iframe srcdoc'
    """
    picture = _picture(graph)
    placed = picture.placed(
        picture.quantities(), shut=graph.shut, direction=graph.direction, room=_NOTEBOOK
    )
    height = min(900, round(placed.placement.height) + 300)
    document, title = (html.escape(text) for text in (page(graph), heading(graph)))
    style = f"width:100%;height:{height}px;border:0"
    return f'<iframe srcdoc="{document}" title="{title}" style="{style}"></iframe>'


def _picture(graph: Graph) -> Picture:
    """Return what a page shows of a graph: less of each node where there are many."""
    most = next(most for nodes, most in _SMALLER.items() if len(graph.nodes) >= nodes)
    return Picture(graph, rows=most[0], columns=most[1], passes=most[2])


def costs(picture: Picture) -> dict[str, dict[str, tuple[float, str]]]:
    """Return the overlays that every graph has: what each box keeps, and its operations."""
    cards = picture.cards.values()
    return {
        "kept bytes": _shares([(card, card.kept, storage(card.kept)) for card in cards]),
        "FLOPs": _shares([(card, card.flops.high, flops_in_short(card.flops)) for card in cards]),
    }


def _shares(amounts: list[tuple[Card, int, str]]) -> dict[str, tuple[float, str]]:
    """Return a tint by the share of the largest node; a closed group is no darker."""
    most = max([amount for card, amount, _ in amounts if card.key[0] == "n"], default=0)
    return {
        card.key: (round(min(1.0, amount / max(most, 1)), 2), text)
        for card, amount, text in amounts
        if amount
    }


@cache
def _scripts() -> str:
    """Return the scripts of a page, the texts of which no user writes."""
    return "\n".join(without_spaces(_file(f"{name}.js")) for name in _SCRIPTS)


@cache
def _file(name: str) -> str:
    folder = "layout" if name == "place.js" else "drawing"  # a twin stands beside its other half
    return (Path(__file__).parents[1] / folder / name).read_text(encoding="utf-8")
