"""What is drawn for a node: the node itself, or the closed group that hides it."""

from .nesting import Nesting
from .parts import Group, Node
from .record import Graph
from .rules import label

#: What can be drawn as one box.
Box = Node | Group


def box_of(nesting: Nesting, node: int) -> Box:
    """Return what is drawn for a node; the node of a loop stands for its closed body.

    Example:
        >>> from dataclasses import replace
        >>> from benchmarks.graph.example import EXAMPLE
        >>> nesting = Nesting(replace(EXAMPLE, shut=frozenset([0])))
        >>> title(box_of(nesting, 3)), title(box_of(nesting, 0))
        ('layer', 'x')
    """
    graph = nesting.graph
    for container in reversed(nesting.above(nesting.home[node])):
        if container is not None and container in graph.shut:
            group = graph.groups[container]
            body = group.loop is not None and group.kind != "side"
            return graph.nodes[group.loop] if body else group
    return graph.nodes[node]


def members(graph: Graph, group: Group) -> list[Node]:
    """Return the nodes of a group, those of the groups in it included."""
    return [node for node in graph.nodes if group.id in node.groups]


def title(box: Box) -> str:
    """Return the name of a box: the user's, or what it does."""
    return box.name or label(box) if isinstance(box, Node) else box.name
