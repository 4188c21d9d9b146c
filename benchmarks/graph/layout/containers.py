"""What stands in each group of a graph, and which links run there, whichever groups are open.

A container is the root or a group. Its children are nodes (`"n12"`) and groups (`"g3"`), its ports
(`"i0"`, `"o1"`) are where values enter and leave it. Nothing here depends on which groups are open,
so that a page can open and close them without a new layout.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..._equality import equal_by_fields
from ..parts import Node
from ..record import Graph
from .nesting import Edge, Nesting, Value

Line = tuple[str, str, Value, int | None]  # what tells a link of a container from its others

_SYMMETRIC = ("add", "add_any", "mul", "max", "min", "and", "or", "xor", "eq", "ne")


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Link:
    """A line between two children of a container, or between a child and a port.

    Attributes:
        source: The key of a child or of an in-port.
        target: The key of a child or of an out-port.
        value: What runs along it: the id of a node, and which of its results.
        leaves: The source's out-port that it leaves by, if the source is a group; else `""`.
        enters: The target's in-port that it enters by, if the target is a group; else `""`.
        place: Which operand of the target it is, if the target is a node; else `None`.
        ordered: Whether the target tells its operands apart, as a quotient does and a sum does not.
        edges: The operands that it stands for: the id of a node, and the place of an operand.
    """

    source: str
    target: str
    value: Value
    leaves: str = ""
    enters: str = ""
    place: int | None = None
    ordered: bool = False
    edges: tuple[Edge, ...] = ()


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Container:
    """The root or a group: what stands directly in it.

    Attributes:
        group: The group's id; `None` for the root.
        children: The keys of its nodes and groups, in topological order.
        links: The lines in it.
        ins: The values that enter it; `ins[k]` does so by the port `f"i{k}"`.
        outs: The values that leave it; `outs[k]` does so by the port `f"o{k}"`.
    """

    group: int | None
    children: tuple[str, ...]
    links: tuple[Link, ...] = ()
    ins: tuple[Value, ...] = ()
    outs: tuple[Value, ...] = ()


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Flow:
    """One operand's way from what makes it, through ports, to what takes it.

    Attributes:
        edges: The operands that it stands for; empty for what the body of a loop hands out.
        pieces: The links that it consists of, in order: a container and a place in its `links`.
    """

    edges: tuple[Edge, ...]
    pieces: tuple[tuple[int | None, int], ...]


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Structure:
    """A graph as containers and flows.

    Attributes:
        containers: The root's by `None` and each group's by its id, an outer one before those in
            it.
        flows: The way of each operand.
    """

    containers: dict[int | None, Container]
    flows: tuple[Flow, ...]


def structure(graph: Graph) -> Structure:
    """Return what stands in each container of `graph`, and which links run there.

    Example:
        >>> from benchmarks.graph.parts import Node, Operand
        >>> x = Node(id=0, kind="input", operation="x")
        >>> y = Node(id=1, kind="operation", operation="sin", operands=(Operand(node=0),))
        >>> structure(Graph(title="f", nodes=(x, y))).containers[None].children
        ('n0', 'n1')
    """
    builder = _Builder(Nesting(graph))
    for node in graph.nodes:
        _connect(builder, node)
    places = {c: {line: k for k, line in enumerate(lines)} for c, lines in builder.lines.items()}
    links = {
        c: tuple(_link(builder, line, edges) for line, edges in lines.items())
        for c, lines in builder.lines.items()
    }
    return Structure(
        containers={
            c: Container(
                group=c,
                children=tuple(children),
                links=links.get(c, ()),
                ins=tuple(builder.ports.get((c, "i"), ())),
                outs=tuple(builder.ports.get((c, "o"), ())),
            )
            for c, children in _children(builder.nesting).items()
        },
        flows=tuple(
            Flow(edges=edges, pieces=tuple((c, places[c][line]) for c, line in pieces))
            for edges, pieces in builder.flows
        ),
    )


def _link(builder: "_Builder", line: Line, edges: list[Edge]) -> Link:
    source, target, value, place = line
    nodes = builder.nesting.graph.nodes
    ordered = place is not None and nodes[int(target[1:])].operation not in _SYMMETRIC
    return Link(
        source=source,
        target=target,
        value=value,
        leaves=builder.port(int(source[1:]), "o", value) if source[0] == "g" else "",
        enters=builder.port(int(target[1:]), "i", value) if target[0] == "g" else "",
        place=place,
        ordered=ordered,
        edges=tuple(dict.fromkeys(edges)),
    )


def _children(nesting: Nesting) -> dict[int | None, dict[str, None]]:
    children: dict[int | None, dict[str, None]] = {None: {}}
    children |= {group.id: {} for group in nesting.graph.groups}
    for node in nesting.graph.nodes:
        child, inside = nesting.key(node.id), nesting.home[node.id]
        while child not in children[inside]:
            children[inside][child] = None
            if inside is None:
                break
            child, inside = f"g{inside}", nesting.graph.groups[inside].parent
    return children


def _connect(builder: "_Builder", node: Node) -> None:
    """Lead all operands of a node to it, and what a loop's body makes out of the loop."""
    nesting = builder.nesting
    home = nesting.home[node.id]
    taken = {edge for edges in nesting.given.values() for edge in edges if edge[0] == node.id}
    for place, operand in enumerate(node.operands):
        value, edge = (operand.node, operand.result), (node.id, place)
        if node.id not in nesting.body:
            edges = (*(nesting.given.get(node.id, ()) if place == 0 else ()), edge)
            builder.lead(value, home, edges, [(home, nesting.key(node.id), value, place)])
        elif edge not in taken:
            builder.lead(value, home, (edge,), [(home, nesting.key(node.id), value, None)])
    for group, operand, result in nesting.handed_out(node):
        chain = nesting.above(group)
        exits = chain[: chain.index(nesting.body[node.id]) + 1]
        inner, outer = (operand.node, operand.result), (node.id, result)
        ends = [
            (g, builder.port(g, "o", outer), inner if g == group else outer, None) for g in exits
        ]
        builder.lead(inner, group, (), ends)


class _Builder:
    """Collects lines, ports and flows, each once."""

    def __init__(self, nesting: Nesting):
        self.nesting = nesting
        self.lines: dict[int | None, dict[Line, list[Edge]]] = {}
        self.ports: dict[tuple[int | None, str], list[Value]] = {}
        self.flows: list[tuple[tuple[Edge, ...], list[tuple[int | None, Line]]]] = []

    def port(self, group: int | None, side: str, value: Value) -> str:
        """Return the port by which a value enters (`"i"`) or leaves (`"o"`) a group."""
        values = self.ports.setdefault((group, side), [])
        if value not in values:
            values.append(value)
        return f"{side}{values.index(value)}"

    def lead(
        self,
        value: Value,
        inside: int | None,
        edges: tuple[Edge, ...],
        ends: Sequence[tuple[int | None, str, Value, int | None]],
    ) -> None:
        """Lead a value from what makes it into the container `inside`, and there to `ends`.

        The first of `ends` is in `inside`; others follow where a body hands the value out: they
        are out-ports, each one container further out.
        """
        home = self.nesting.home[value[0]]
        meet = self.nesting.common([home, inside])
        here, where = self.nesting.key(value[0]), home
        pieces: list[tuple[int | None, Line]] = []
        for group in _below(self.nesting.above(home), meet):
            pieces.append((group, (here, self.port(group, "o", value), value, None)))
            here, where = f"g{group}", self.nesting.graph.groups[group].parent
        for group in reversed(_below(self.nesting.above(inside), meet)):
            pieces.append((where, (here, f"g{group}", value, None)))
            here, where = self.port(group, "i", value), group
        for container, target, carried, place in ends:
            pieces.append((container, (here, target, carried, place)))
            here = f"g{container}"
        for container, line in pieces:
            self.lines.setdefault(container, {}).setdefault(line, []).extend(edges)
        self.flows.append((edges, pieces))


def _below(chain: list[int | None], end: int | None) -> list[int]:
    return [group for group in chain[: chain.index(end)] if group is not None]
