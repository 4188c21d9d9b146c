"""Which boxes and lines of a graph are drawn while some of its groups are closed."""

from collections.abc import Collection
from dataclasses import dataclass

from ..._equality import equal_by_fields
from ..record import Graph
from .containers import Structure, structure
from .nesting import Edge


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Line:
    """A line between two boxes, or between a box and the frame of an open loop.

    Attributes:
        source: The key of the box or frame that it starts at.
        target: The key of the box or frame that it ends at.
        place: Which operand of the target it is, if the target is a node; else `None`.
        edges: The operands that it stands for; empty for what an open loop's body hands out.
        pieces: The links that it runs along: a container and a place in its `links`.
    """

    source: str
    target: str
    place: int | None
    edges: tuple[Edge, ...]
    pieces: tuple[tuple[int | None, int], ...]


def opened(structure: Structure, shut: Collection[int]) -> list[int | None]:
    """Return the containers that are drawn open: the root, and then the groups in it.

    A group without children is never open.
    """
    found: list[int | None] = [None]
    for key in found:  # grows as it is walked
        for child in structure.containers[key].children:
            group = int(child[1:])
            if child[0] == "g" and group not in shut and structure.containers[group].children:
                found.append(group)
    return found


def boxes(graph: Graph, shut: Collection[int] | None = None) -> tuple[str, ...]:
    """Return the keys of the boxes that are drawn: `"n12"` for a node, `"g3"` for a closed group.

    Args:
        graph: The graph.
        shut: The ids of the groups that are closed; those of `graph.shut` if `None`.

    Example:
        >>> from benchmarks.graph.parts import Group, Node
        >>> nodes = [Node(id=k, kind="operation", operation="sin", groups=(0,)) for k in range(3)]
        >>> group = Group(id=0, name="layer", kind="layer")
        >>> graph = Graph(title="f", nodes=tuple(nodes), groups=(group,))
        >>> boxes(graph), boxes(graph, shut={0})
        (('n0', 'n1', 'n2'), ('g0',))
    """
    found = structure(graph)
    open_ones = opened(found, graph.shut if shut is None else shut)
    frames = {f"g{key}" for key in open_ones}
    return tuple(
        child
        for key in open_ones
        for child in found.containers[key].children
        if child not in frames
    )


def lines(structure: Structure, shut: Collection[int]) -> tuple[Line, ...]:
    """Return the lines that are drawn; several operands of a closed group by one source are one."""
    open_ones = set(opened(structure, shut))
    merged: dict[tuple[str, str, object], tuple[list[Edge], tuple[tuple[int | None, int], ...]]]
    merged = {}
    for flow in structure.flows:
        pieces = tuple((key, k) for key, k in flow.pieces if key in open_ones)
        if not pieces:
            continue
        (first, start), (last, end) = pieces[0], pieces[-1]
        source = structure.containers[first].links[start].source
        link = structure.containers[last].links[end]
        # What a body hands out ends at its frame, at the port of its own.
        handed_out = link.target[0] == "o"
        target = f"g{last}" if handed_out else link.target
        operand = link.target if handed_out else link.place
        edges, _ = merged.setdefault((source, target, operand), ([], pieces))
        edges += [edge for edge in flow.edges if edge not in edges]
    return tuple(
        Line(
            source=source,
            target=target,
            place=operand if isinstance(operand, int) else None,
            edges=tuple(edges),
            pieces=pieces,
        )
        for (source, target, operand), (edges, pieces) in merged.items()
    )
