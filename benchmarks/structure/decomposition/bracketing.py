"""The order in which the Jacobians of a chain are multiplied, by dynamic programming on sizes."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from ..ways import FORWARD, REVERSE
from .links import Link, Sparse

#: What an entry of a result costs for each of its terms, where it is written in one loop; and what
#: a product of numbers costs in one of matrices.
_ENTRY, _PRODUCT = 0.25, 2.0


class Node(NamedTuple):
    """How the Jacobian of some parts is taken.

    Attributes:
        kind: `"forward"` or `"reverse"` by passes through all of them, `"local"` as it is known of
            the one; `"times"` as a product; `"push"` as what its part is, pushed on through the
            rest, `"pull"` as what it is, pulled back; `"left"` and `"right"` as what it is, times
            what is known of the one after or before.
        start: The boundary before.
        end: The boundary after.
        cost: What it costs, in operations.
        parts: What it is made of, in the order of the program.
    """

    kind: str
    start: int
    end: int
    cost: float
    parts: tuple["Node", ...] = ()


def cheapest(sizes: Sequence[int], links: Sequence[Link]) -> tuple[Node, float]:
    """Return the cheapest order, and what the better plain mode costs.

    Args:
        sizes: How many numbers each boundary holds, ends included.
        links: The parts between them.
    """
    best: dict[tuple[int, int], Node] = {}
    for length in range(1, len(links) + 1):
        for start in range(len(links) - length + 1):
            end = start + length
            options = [*_plain(start, end, sizes, links), *_joined(start, end, sizes, links, best)]
            best[start, end] = min(options, key=lambda node: node.cost)
    plain = _plain(0, len(links), sizes, links)[:2]
    return best[0, len(links)], min(node.cost for node in plain)


def _operations(links: Sequence[Link], start: int, end: int) -> float:
    return sum(link.operations for link in links[start:end])


def _pass(mode: str, links: Sequence[Link], start: int, end: int) -> float:
    """Return what a pass through some parts costs; what is not possible costs more than any."""
    if any(mode in link.stops for link in links[start:end]):
        return math.inf
    return {"forward": FORWARD, "reverse": REVERSE}[mode] * _operations(links, start, end)


def _plain(start: int, end: int, sizes: Sequence[int], links: Sequence[Link]) -> list[Node]:
    """Return the ways that need no other matrix."""
    forward, reverse = (_pass(mode, links, start, end) for mode in ("forward", "reverse"))
    written = sizes[start] * sizes[end] * _ENTRY
    nodes = [
        Node("forward", start, end, sizes[start] * forward + written),
        Node("reverse", start, end, sizes[end] * reverse + written),
    ]
    local = links[start].local
    if end == start + 1 and local:
        cost = written + _setup(links[start])
        if isinstance(local, Sparse):
            cost += (local.terms + local.rank) * written
        nodes.append(Node("local", start, end, cost))
    return nodes


def _setup(link: Link) -> float:
    """Return what the numbers of a sparse part cost."""
    if not isinstance(link.local, Sparse):
        return 0.0
    rank, colours = link.local.rank, link.local.colours
    return ((rank + colours) * FORWARD + rank * REVERSE) * link.operations


def _joined(
    start: int,
    end: int,
    sizes: Sequence[int],
    links: Sequence[Link],
    best: dict[tuple[int, int], Node],
) -> list[Node]:
    """Return the ways that go by the boundaries between."""
    nodes = []
    n, m = sizes[start], sizes[end]
    for middle in range(start + 1, end):
        first, second = best[start, middle], best[middle, end]
        # Of two that cost the same, that of fewer passes is first.
        after, before = links[end - 1].local, links[start].local
        if middle == end - 1 and isinstance(after, Sparse):
            cost = _setup(links[end - 1]) + _applied(after, sizes[middle], m, n)
            nodes.append(Node("left", start, end, first.cost + cost, (first,)))
        if middle == start + 1 and isinstance(before, Sparse):
            cost = _setup(links[start]) + _applied(before, sizes[middle], n, m)
            nodes.append(Node("right", start, end, second.cost + cost, (second,)))
        product = _PRODUCT * n * sizes[middle] * m
        both = (first, second)
        nodes.append(Node("times", start, end, first.cost + second.cost + product, both))
        on = n * (_pass("forward", links, middle, end) + (sizes[middle] + m) * _ENTRY)
        nodes.append(Node("push", start, end, first.cost + on, (first,)))
        back = m * (_pass("reverse", links, start, middle) + (sizes[middle] + n) * _ENTRY)
        nodes.append(Node("pull", start, end, second.cost + back, (second,)))
    return nodes


def _applied(local: Sparse, inside: int, outside: int, lines: int) -> float:
    """Return what it costs to multiply a matrix by a sparse part."""
    narrow = _PRODUCT * local.rank * inside
    return lines * (narrow + outside * (1 + local.terms + local.rank) * _ENTRY)


def cost_of_cut(sizes: Sequence[int], links: Sequence[Link]) -> float:
    """Return what it costs to go through the narrowest boundary alone, by the model of a cut."""
    n, m, least = sizes[0], sizes[-1], min(sizes[1:-1])
    if 2 * least > min(n, m):
        return math.inf
    return least * REVERSE * _operations(links, 0, len(links)) + n * m * (1 + least) * _ENTRY


def passes_of(node: Node, sizes: Sequence[int], links: Sequence[Link]) -> int:
    """Return how many directions are pushed or pulled."""
    own = 0
    if node.kind in ("forward", "push"):
        own = sizes[node.start]
    elif node.kind in ("reverse", "pull"):
        own = sizes[node.end]
    elif (place := _local_of(node)) is not None:
        local = links[place].local
        own = 2 * local.rank + local.colours if isinstance(local, Sparse) else 0
    return own + sum(passes_of(one, sizes, links) for one in node.parts)


def _local_of(node: Node) -> int | None:
    """Return the part that is taken as it is known, if one is."""
    return {"local": node.start, "right": node.start, "left": node.end - 1}.get(node.kind)


def locals_of(node: Node) -> list[int]:
    """Return the parts that are taken as they are known, in their order."""
    own = _local_of(node)
    inner = [place for one in node.parts for place in locals_of(one)]
    return sorted(inner if own is None else [own, *inner])


def places_of(node: Node, links: Sequence[Link]) -> list[int]:
    """Return the boundaries at which matrices meet, in their order.

    Of two with a sparse part between them it is the first; where nothing else is before or after,
    the inputs or the outputs stand for them.
    """
    places = _ends(node) - {node.start, node.end}
    diagonal = {i for i, one in enumerate(links) if isinstance(one.local, Sparse)}
    first = 1 if 0 in diagonal else 0
    outer = {first, len(links) - (len(links) - 1 in diagonal)}
    meeting = sorted(place for place in places - outer if place - 1 not in diagonal)
    return meeting or sorted(places - {first}) or sorted(places)


def _ends(node: Node) -> set[int]:
    inner = (_ends(one) for one in node.parts)
    return {node.start, node.end}.union(*inner)
