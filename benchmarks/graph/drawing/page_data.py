"""What the script of a page knows of a graph: plain lists and short texts."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..layout.layout import plan
from ..layout.nesting import Edge
from ..parts import Group, Node, Operand, Quantity, Result
from ..record import Graph
from ..words.sentences import sentence
from .cards import Card
from .heat import Sight
from .picture import Picture
from .sizes import width

#: By name of an overlay and key of a box, how strong its tint is, from 0 to 1, and its text.
Overlays = Mapping[str, Mapping[str, tuple[float, str]]]


def page_data(
    picture: Picture, legend: list[tuple[str, str]], overlays: Overlays
) -> dict[str, object]:
    """Return what the script of a page reads."""
    graph = picture.graph
    orders = order_of(picture)
    texts: dict[str, int] = {}
    cards = {key: _card(picture, card, orders[key], texts) for key, card in picture.cards.items()}
    tints = {
        name: {key: [tint, _place(texts, text)] for key, (tint, text) in marks.items()}
        for name, marks in overlays.items()
    }
    return {
        "n": graph.n,
        "m": graph.m,
        "forward": graph.forward,
        "reverse": graph.reverse,
        "passes": list(graph.passes[: picture.passes]),
        "direction": graph.direction,
        "shown": list(picture.quantities()),
        "shut": sorted(graph.shut),
        "legend": legend,
        "texts": list(texts),
        "cards": cards,
        "labels": dict(_labels(picture)),
        "products": dict(_products(picture)),
        "overlays": tints,
        "plan": plan(picture.layout),
    }


def _place(texts: dict[str, int], text: str) -> int:
    """Return the place of a text among all, of which each is in the file once."""
    return texts.setdefault(text, len(texts))


def order_of(picture: Picture) -> dict[str, int]:
    """Return where each box stands in the order of a graph: a group where its last operation is."""
    orders: dict[str, int] = {}
    for node in picture.graph.nodes:
        orders[picture.nesting.key(node.id)] = node.id
        if node.kind not in ("input", "fixed", "constant"):
            for container in picture.nesting.above(picture.nesting.home[node.id]):
                if container is not None and picture.graph.groups[container].loop is None:
                    orders[f"g{container}"] = node.id
    for group in picture.graph.groups:
        orders.setdefault(f"g{group.id}", 0)
    return orders


def _card(picture: Picture, card: Card, order: int, texts: dict[str, int]) -> dict[str, object]:
    """Return a card by short names; what it does not have is left out."""
    lead = picture.leads[card.key]
    told = {
        "k": "" if card.kind == "operation" else card.kind,
        "l": card.label,
        "n": card.name,
        "s": list(card.small),
        "w": width(card),
        "d": lead,
        "q": picture.asides[card.key],
        "v": _sight(card.value),
        "a": _sight(card.adjoint),
        "t": [_sight(tangent) for tangent in card.tangents],
        "b": card.kept,
        "e": int(card.kept_anew > 0),
        "x": card.body,
        "c": card.turn,
        "i": [_place(texts, line) for line in card.about],
        **_sentences(picture, card.key),
    }
    there: dict[str, object] = {name: value for name, value in told.items() if value}
    return there | {"o": order}


def _sight(sight: Sight | None) -> object:
    if sight is None:
        return None
    return [sight.columns, sight.cells, sight.range] if sight.cells else sight.text


def _sentences(picture: Picture, key: str) -> dict[str, str]:
    """Return what a box says in each way; its tangent is written behind it, pass by pass."""
    graph, nesting = picture.graph, picture.nesting
    place = int(key[1:])
    box: Node | Group = graph.nodes[place] if key[0] == "n" else graph.groups[place]
    said = {"p": sentence(graph, box, "pass", nesting=nesting)}
    if not graph.forward and graph.passes:
        still = _without_tangents(box)
        said["f"] = sentence(replace(graph, passes=()), still, "forward", nesting=nesting)
    if not graph.reverse:
        said["r"] = sentence(graph, box, "reverse", nesting=nesting)
    return said


def _without_tangents(box: Node | Group) -> Node | Group:
    if isinstance(box, Group) or not box.results:
        return box
    first: Result = replace(box.results[0], tangents=())
    return replace(box, results=(first, *box.results[1:]))


def edge_key(target: str, edges: tuple[Edge, ...]) -> str:
    """Return the name of a line: the operands that it stands for, and the group that it ends at.

    Example:
        >>> edge_key("n4", ((4, 1),)), edge_key("g2", ((4, 1), (4, 0)))
        ('4,1', 'g2:4,0;4,1')
    """
    operands = ";".join(sorted(f"{node},{place}" for node, place in edges))
    return operands if target[0] == "n" else f"{target}:{operands}"


def _labels(picture: Picture) -> list[tuple[str, list[str]]]:
    """Return what stands beside each line: the note, what it hands back, and the rule."""
    found = []
    for container in picture.layout.structure.containers.values():
        for link in container.links:
            label = picture.label(link.target, link.edges)
            if link.target[0] in "ng" and (label.note or label.handed or label.rule):
                rule = "" if label.rule == label.handed else label.rule
                told = [label.note, label.handed, rule]
                found.append((edge_key(link.target, link.edges), told))
    return found


def _products(picture: Picture) -> list[tuple[str, list[object]]]:
    """Return by operand, and by output, the sum of adjoint times tangent in each pass.

    Over all lines that a cut goes through they add up to the tangent of the output. In the body of
    a loop the numbers are of one turn, so that no sum goes through it.
    """
    graph, key = picture.graph, picture.nesting.key
    if graph.forward or graph.reverse or not graph.passes:
        return []
    passes = range(picture.passes)
    found: list[tuple[str, list[object]]] = []
    for node in graph.nodes:
        if node.body_of is None:
            for place, operand in enumerate(node.operands):
                parts = [product(graph, operand, number) for number in passes]
                if any(part != 0 for part in parts):
                    ends = key(operand.node), key(node.id)
                    found.append((f"{node.id},{place}", [*ends, [*map(_in_json, parts)]]))
    for number, output in enumerate(graph.outputs):
        parts = [product(graph, output.edge, p) for p in passes]
        found.append((f"out{number}", [key(output.edge.node), "", [*map(_in_json, parts)]]))
    return found


def _in_json(value: float | None) -> float | str | None:
    """Return a number for JSON, which has no word for NaN and the infinities: JavaScript's."""
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def product(graph: Graph, operand: Operand, number: int) -> float | None:
    """Return the sum of adjoint times tangent of a line; `None` where an array was not kept."""
    source = graph.nodes[operand.node]
    if operand.adjoint is None or operand.result >= len(source.results):
        return 0.0
    tangents = source.results[operand.result].tangents
    if number >= len(tangents):
        return 0.0
    tangent: Quantity = tangents[number]
    if operand.adjoint.pooled or tangent.pooled:
        return None
    with np.errstate(all="ignore"):
        total = np.sum(operand.adjoint.array * tangent.array.astype(operand.adjoint.array.dtype))
    return float(f"{np.real(total):.6g}")
