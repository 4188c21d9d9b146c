"""Which column each child of a container stands in, in which order, and what stands on one line.

Sugiyama's method: longest paths give columns, links that span several columns get a cell in each
of them, sweeps over the columns reduce crossings. Then cells are joined to blocks that stand on one
straight line, the heaviest path first (Brandes and Koepf, Fast and simple horizontal coordinate
assignment, 2001). Sizes do not matter here, so a grid serves however large its children are.
"""

import itertools
from dataclasses import dataclass

from .._equality import equal_by_fields
from .containers import Container, Link, Structure, structure
from .lanes import aligned
from .nesting import Value
from .order import ordered, segments
from .ranks import ranked, routed
from .record import Graph


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
    weights = _weights(found)
    grids: dict[int | None, Grid] = {}
    hints: dict[str, tuple[str, str]] = {}
    for key, container in found.containers.items():
        grid = grid_of(container, weights, hints.get(f"g{key}", ("", "")))
        grids[key] = grid
        hints |= _hints(container, grid, found)
    return Layout(structure=found, grids=grids)


def _weights(found: Structure) -> dict[str, int]:
    # A group weighs as much as the operations in it; what takes nothing weighs nothing.
    weights: dict[str, int] = {}
    for container in reversed(found.containers.values()):
        takes = {link.target for link in container.links}
        for child in container.children:
            weights.setdefault(child, int(child in takes))
        weights[f"g{container.group}"] = sum(weights[child] for child in container.children)
    return weights


def _hints(container: Container, grid: Grid, found: Structure) -> dict[str, tuple[str, str]]:
    """Return by group the ports by which the heaviest path enters and leaves it."""
    on_line = _joined(grid)
    hints: dict[str, tuple[str, str]] = {}
    for link, route in zip(container.links, grid.routes, strict=True):
        for child, ends, side in ((link.target, route[-2:], 0), (link.source, route[:2], 1)):
            if child[0] == "g" and tuple(ends) in on_line:
                inner = found.containers[int(child[1:])]
                port = _port(inner, link.value, side)
                hint = hints.get(child, ("", ""))
                hints[child] = (
                    (hint[0] or port, hint[1]) if side == 0 else (hint[0], hint[1] or port)
                )
    return hints


def _port(inner: Container, value: Value, side: int) -> str:
    return f"o{inner.outs.index(value)}" if side else f"i{inner.ins.index(value)}"


def _joined(grid: Grid) -> set[tuple[str, str]]:
    return {pair for block in grid.blocks for pair in itertools.pairwise(block)}


def grid_of(container: Container, weights: dict[str, int], hint: tuple[str, str]) -> Grid:
    """Lay out one container; `hint` names the ports that its heaviest path should run through."""
    routes, column = routed(container, ranked(container))
    columns: list[list[str]] = [[] for _ in range(max(column.values(), default=1) + 1)]
    if not container.outs:
        columns.append([])
    for cell, c in column.items():
        columns[c].append(cell)
    pieces = segments(container.links, routes)
    columns = ordered(columns, pieces)
    blocks, main = aligned(columns, pieces, weights, hint)
    slots, crowds = _slots(container.links, routes, columns, blocks)
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
