"""The order of a graph's nodes: inputs and constants stand where their groups stay runs."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from ..parts import Group, Node, Operand
from ..record import Graph


def arranged(graph: Graph) -> Graph:
    """Return a graph with each constant and held input close before its first use.

    It stands before the groups that it is not in, so that each group is a run of nodes. So does an
    input that is in a group; others come first, as in the function's signature.
    """
    first = _first_uses(graph)
    starts: dict[int, int] = {}
    for node in graph.nodes:
        if not _is_movable(node):
            for group in node.groups:
                starts.setdefault(group, node.id)
    waiting: dict[int, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        if _is_movable(node):
            user = graph.nodes[first[node.id]] if node.id in first else None
            waiting[_anchor(node, user, starts, end=len(graph.nodes))].append(node)
    order: list[Node] = []
    for node in graph.nodes:
        if not _is_movable(node):
            order += [*sorted(waiting[node.id], key=lambda leaf: len(leaf.groups)), node]
    order += waiting[len(graph.nodes)]
    return _renumbered(graph, order)


def _is_movable(node: Node) -> bool:
    return node.kind in ("fixed", "constant") or (node.kind == "input" and bool(node.groups))


def _first_uses(graph: Graph) -> dict[int, int]:
    """Return the first node that takes each node."""
    first: dict[int, int] = {}
    for node in graph.nodes:
        for operand in node.operands:
            first.setdefault(operand.node, node.id)
    return first


def _anchor(leaf: Node, user: Node | None, starts: Mapping[int, int], end: int) -> int:
    """Return the node that a leaf stands before: its user, or the first of a group around that."""
    depth = len(leaf.groups)
    if user is None:  # an output alone
        return end
    return starts[user.groups[depth]] if len(user.groups) > depth else user.id


def _renumbered(graph: Graph, order: list[Node]) -> Graph:
    """Return a graph with its nodes in another order."""
    places = {node.id: place for place, node in enumerate(order)}

    def moved(edge: Operand) -> Operand:
        return replace(edge, node=places[edge.node])

    def node_moved(node: Node) -> Node:
        body_of = None if node.body_of is None else places[node.body_of]
        operands = tuple(map(moved, node.operands))
        return replace(node, id=places[node.id], operands=operands, body_of=body_of)

    def group_moved(group: Group) -> Group:
        loop = None if group.loop is None else places[group.loop]
        outputs = tuple(edge if edge is None else moved(edge) for edge in group.outputs)
        return replace(group, loop=loop, outputs=outputs)

    return replace(
        graph,
        nodes=tuple(map(node_moved, order)),
        groups=tuple(map(group_moved, graph.groups)),
        outputs=tuple(replace(out, edge=moved(out.edge)) for out in graph.outputs),
    )
