"""Which groups of a graph are drawn closed."""

from collections.abc import Iterable

from ...derivatives.choice import meant
from ..parts import Group
from ..record import Graph
from .containers import structure
from .view import opened

#: Up to how many boxes a graph is drawn open.
MOST = 60
#: What is closed at first, however small the graph is.
_CLOSED = ("loop", "branch", "chain")


def first_shut(graph: Graph) -> frozenset[int]:
    """Return the groups to close at first: loops, and of a large graph the layers.

    It closes as few levels of groups as leave at most 60 boxes.

    Example:
        >>> from benchmarks.graph.example import EXAMPLE
        >>> first_shut(EXAMPLE)
        frozenset()
    """
    found = structure(graph)
    depths = depths_of(graph)
    always = {group.id for group in graph.groups if group.kind in _CLOSED}
    shut = always
    for level in range(max(depths.values(), default=0) + 1, 0, -1):
        shut = always | {group for group, depth in depths.items() if depth >= level}
        containers = opened(found, shut)
        children = sum(len(found.containers[key].children) for key in containers)
        if children - len(containers) < MOST:  # an open group is no box
            break
    return frozenset(shut)


def shut_by(
    graph: Graph,
    depth: int | None,
    open: Iterable[str],  # noqa: A002 (what a user writes)
    shut: Iterable[str],
) -> frozenset[int]:
    """Return the groups that are closed, by how deep they are and by name; see `Graph.closed`."""
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 1):
        raise ValueError(f"depth must be at least 1, the outermost groups, got {depth!r}")
    closed = set(graph.shut)
    if depth is not None:
        closed = {group for group, at in depths_of(graph).items() if at >= depth}
    for group in _named(graph, shut):
        closed.add(group.id)
    for group in _named(graph, open):
        inner: Group | None = group
        while inner is not None:
            closed.discard(inner.id)
            inner = None if inner.parent is None else graph.groups[inner.parent]
    return frozenset(closed)


def depths_of(graph: Graph) -> dict[int, int]:
    """Return how deep each group is; the outermost ones are 1 deep.

    Example:
        >>> from benchmarks.graph.example import EXAMPLE
        >>> depths_of(EXAMPLE)
        {0: 1}
    """
    depths: dict[int, int] = {}
    for group in graph.groups:
        depths[group.id] = 1 if group.parent is None else depths[group.parent] + 1
    return depths


def _names_of(group: Group) -> tuple[str, ...]:
    """Return the names of a group: its own, and for a layer that without the number before it."""
    rest = group.name.partition(" ")[2]
    return (group.name, rest) if rest else (group.name,)


def _named(graph: Graph, names: Iterable[str]) -> list[Group]:
    """Return the groups of these names; the number before a layer's name may be left out."""
    found: list[Group] = []
    for name in [names] if isinstance(names, str) else names:
        of_name = [g for g in graph.groups if name in _names_of(g)]
        if not of_name:
            known = ", ".join(dict.fromkeys(repr(group.name) for group in graph.groups))
            near = meant(name, [part for g in graph.groups for part in _names_of(g)])
            there = f"{near} T" if near else "; t"
            raise ValueError(f"no group {name!r}{there}here are: {known or 'none'}")
        found += of_name
    return found
