"""Which column each child of a container stands in, in which order, and what stands on one line.

Sugiyama's method: longest paths give columns, links that span several columns get a cell in each
of them, sweeps over the columns reduce crossings. Then cells are joined to blocks that stand on one
straight line, the heaviest path first (Brandes and Koepf, Fast and simple horizontal coordinate
assignment, 2001). Sizes do not matter here, so a grid serves however large its children are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from ..._equality import equal_by_fields
from ..record import Graph
from .containers import Container, Link, Structure, structure
from .lanes import aligned, led
from .order import Segment, crossings, fraction, ordered, segments
from .ranks import ranked, routed

# What of two that take nothing leads the main line.
_LEADS = {
    "carried": 5 / 1024,
    "slice": 4 / 1024,
    "fixed": 3 / 1024,
    "input": 2 / 1024,
    "held": 1 / 1024,
    "constant": 0.0,
    "parameter": 0.0,
}


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Grid:
    """Where the cells of a container are relative to one another.

    A cell is a child, a port, or (`"d0"`) a place that a link passes through between columns.

    Attributes:
        columns: The keys of the cells of each column along the flow, in order across it; in-ports
            are the first column, out-ports the last.
        blocks: Cells that stand on one line, each cell in one block; a block stands behind those
            that have a cell directly above one of its own.
        main: Which block holds the heaviest path.
        routes: By link the cells that it runs through, from its source to its target, one a column.
        slots: By link where it meets its target, counted from the target's middle.
        crowds: By link the largest slot of its target.
    """

    columns: tuple[tuple[str, ...], ...]
    blocks: tuple[tuple[str, ...], ...]
    main: int
    routes: tuple[tuple[str, ...], ...]
    slots: tuple[float, ...]
    crowds: tuple[float, ...]


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Layout:
    """The grids of all containers.

    Attributes:
        structure: The containers and the flows.
        grids: The grid of each container.
    """

    structure: Structure
    grids: dict[int | None, Grid]


def layout(graph: Graph) -> Layout:
    """Lay out all containers of `graph`, the root first.

    Example:
        >>> from benchmarks.graph.parts import Node, Operand
        >>> x = Node(id=0, kind="input", operation="x")
        >>> y = Node(id=1, kind="operation", operation="sin", operands=(Operand(node=0),))
        >>> layout(Graph(title="f", nodes=(x, y))).grids[None].columns
        ((), ('n0',), ('n1',), ())
    """
    found = structure(graph)
    weights = _weights(graph, found)
    drafts: dict[int | None, _Draft] = {}
    leading: dict[str, str] = {}
    ports: dict[tuple[str, str], float] = {}
    for key in reversed(found.containers):
        draft = _draft(found.containers[key], ports)
        drafts[key] = draft
        leading[f"g{key}"] = led(draft.columns, draft.pieces, weights)
        for link in draft.links:
            # Of two that take nothing the one leads that leads in the group which takes it.
            if link.enters and leading[link.target] == link.enters and link.source[0] == "n":
                weights[link.source] += 1 / 128
        for column in (draft.columns[0], draft.columns[-1]):
            for k, port in enumerate(column):
                ports[f"g{key}", port] = fraction(k, len(column))
    hints: dict[str, tuple[str, str]] = {}
    grids: dict[int | None, Grid] = {}
    for key, container in found.containers.items():
        grids[key] = _grid(drafts[key], weights, hints.get(f"g{key}", ("", "")))
        hints |= _hints(container, grids[key])
    return Layout(structure=found, grids=grids)


def plan(layout: Layout) -> dict[str, object]:
    """Return a layout as plain lists, for `place.js`; the root's key is -1.

    A link is its route, slot, crowd, the ports that it leaves and enters groups by, and its place.

    Example:
        >>> from benchmarks.graph.parts import Node
        >>> x = Node(id=0, kind="input", operation="x")
        >>> plan(layout(Graph(title="f", nodes=(x,))))["containers"][-1]["columns"]
        [[], ['n0'], []]
    """

    def key(group: int | None) -> int:
        return -1 if group is None else group

    containers = {}
    for group, grid in layout.grids.items():
        links = layout.structure.containers[group].links
        containers[key(group)] = {
            "columns": [list(column) for column in grid.columns],
            "blocks": [list(block) for block in grid.blocks],
            "main": grid.main,
            "links": [
                [list(route), slot, crowd, link.leaves, link.enters, link.place]
                for link, route, slot, crowd in zip(
                    links, grid.routes, grid.slots, grid.crowds, strict=True
                )
            ],
        }
    flows = [
        [[list(edge) for edge in flow.edges], [[key(group), k] for group, k in flow.pieces]]
        for flow in layout.structure.flows
    ]
    return {"containers": containers, "flows": flows}


def _weights(graph: Graph, found: Structure) -> dict[str, float]:
    """Return what each child weighs: a group as much as the operations in it.

    What takes nothing, and how many operands an operation has, only decide between equals: data
    lead rather than weights, a product rather than a comparison beside it.
    """
    weights: dict[str, float] = {}
    for node in graph.nodes:
        kind = "parameter" if node.parameter else node.kind
        operation = 1.0 + len(node.operands) / 64
        weights[f"n{node.id}"] = _LEADS.get(kind, operation)
    for container in reversed(found.containers.values()):
        weights[f"g{container.group}"] = sum(weights[child] for child in container.children)
    return weights


def _hints(container: Container, grid: Grid) -> dict[str, tuple[str, str]]:
    """Return by group the ports by which a straight line enters and leaves it."""
    joined = {pair for block in grid.blocks for pair in pairwise(block)}
    enters: dict[str, str] = {}
    leaves: dict[str, str] = {}
    for link, route in zip(container.links, grid.routes, strict=True):
        if link.enters and route[-2:] in joined:
            enters.setdefault(link.target, link.enters)
        if link.leaves and route[:2] in joined:
            leaves.setdefault(link.source, link.leaves)
    return {g: (enters.get(g, ""), leaves.get(g, "")) for g in {**enters, **leaves}}


class _Draft(NamedTuple):
    links: tuple[Link, ...]
    columns: list[list[str]]
    routes: tuple[tuple[str, ...], ...]
    pieces: list[Segment]


def _draft(container: Container, ports: Mapping[tuple[str, str], float]) -> _Draft:
    """Find the columns of a container and the order in them; `ports` are its groups' own."""
    routes, column = routed(container, ranked(container))
    last = max((c for cell, c in column.items() if cell[0] != "o"), default=0) + 1
    columns: list[list[str]] = [[] for _ in range(last + 1)]
    for cell, c in column.items():
        columns[c].append(cell)
    best, fewest = None, 0
    for links in (container.links, _relaxed(container)):
        pieces = segments(links, routes, ports)
        draft = _Draft(links, ordered(columns, pieces), routes, pieces)
        count = crossings(draft.columns, pieces)
        if best is None or count < fewest:
            best, fewest = draft, count
        if not count:
            break
    assert best is not None
    return best


def _relaxed(container: Container) -> tuple[Link, ...]:
    """Let weights and constants stand on either side of an operand that is computed."""
    takes = {link.target for link in container.links}
    leaves = {link.source for link in container.links if link.source[0] == "n"} - takes
    beside = {link.target for link in container.links if link.source in leaves}
    computed = {link.target for link in container.links if link.source not in leaves}
    return tuple(
        replace(link, ordered=link.ordered and link.target not in beside & computed)
        for link in container.links
    )


def _grid(draft: _Draft, weights: dict[str, float], hint: tuple[str, str]) -> Grid:
    """Find the straight lines; `hint` names the ports that the main one should run through."""
    links, columns, routes, pieces = draft
    blocks, main = aligned(columns, pieces, weights, hint)
    slots, crowds = _slots(links, routes, columns, blocks)
    return Grid(
        columns=tuple(map(tuple, columns)),
        blocks=blocks,
        main=main,
        routes=routes,
        slots=slots,
        crowds=crowds,
    )


def _slots(
    links: tuple[Link, ...],
    routes: tuple[tuple[str, ...], ...],
    columns: list[list[str]],
    blocks: tuple[tuple[str, ...], ...],
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    at = {cell: k for column in columns for k, cell in enumerate(column)}
    block = {cell: b for b, cells in enumerate(blocks) for cell in cells}
    arriving: dict[str, set[tuple[float, float, str]]] = {}
    where = []
    for link, route in zip(links, routes, strict=True):
        place = -1 if link.place is None else link.place
        entry = (place if link.ordered else at[route[-2]], place, route[-2])
        arriving.setdefault(link.target, set()).add(entry)
        where.append(entry)
    middles = {}
    for target, entries in arriving.items():
        straight = [k for k, e in enumerate(sorted(entries)) if block[e[2]] == block[target]]
        every = straight or range(len(entries))
        middles[target] = sum(every) / len(every)
    slots, crowds = [], []
    for link, entry in zip(links, where, strict=True):
        entries, middle = sorted(arriving[link.target]), middles[link.target]
        slots.append(entries.index(entry) - middle)
        crowds.append(max(middle, len(entries) - 1 - middle))
    return tuple(slots), tuple(crowds)
