"""What is drawn for a node: the node itself, or the closed group that hides it."""

from ..layout.nesting import Nesting
from ..parts import Group, Node
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
            if group.loop is None or group.kind == "side":
                return group
            return graph.nodes[group.loop]
    return graph.nodes[node]


def members(nesting: Nesting, group: Group) -> list[Node]:
    """Return the nodes that stand in a group, those of the groups in it included.

    Example:
        >>> from benchmarks.graph.example import EXAMPLE
        >>> [node.id for node in members(Nesting(EXAMPLE), EXAMPLE.groups[0])]
        [1, 2, 3, 4]
    """
    home, above = nesting.home, nesting.above
    return [node for node in nesting.graph.nodes if group.id in above(home[node.id])]


def beside(nesting: Nesting, group: Group, node: int) -> Box:
    """Return what stands beside a group and holds a node: another group, or the node itself."""
    around = nesting.above(group.parent)
    for container in reversed(nesting.above(nesting.home[node])):
        if container is not None and container not in around:
            return nesting.graph.groups[container]
    return nesting.graph.nodes[node]


def title(box: Box) -> str:
    """Return the name of a box: the user's, or what it does."""
    return box.name or label(box) if isinstance(box, Node) else box.name
