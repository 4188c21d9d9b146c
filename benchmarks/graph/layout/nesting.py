"""Where each node of a graph stands: in which group, and what stands for it there."""

from collections.abc import Iterable, Iterator

from ..parts import Node, Operand
from ..record import Graph

Value = tuple[int, int]  # the id of a node, and which of its results
Edge = tuple[int, int]  # the id of a node, and the place of one of its operands

BODY_INPUTS = ("carried", "slice", "held")
_LEAVES = ("input", "fixed", "constant")


class Nesting:
    """Where each node and each group of a graph stands.

    A weight or a constant stands in the innermost container that holds all its uses, another
    input in the root. A loop or branch is no box of its own: its group stands for it.

    Attributes:
        graph: The graph.
        body: The group of a loop or branch by the id of its node.
        home: The container of each node, `None` for the root; a loop's is where its group stands.
        given: By the id of a body's input the operands of its loop that it is given by.
    """

    def __init__(self, graph: Graph):
        self.graph = graph
        self.body: dict[int, int] = {}
        for group in graph.groups:
            if group.loop is not None:
                self.body.setdefault(group.loop, group.id)
        self.home: dict[int, int | None] = {}
        uses: dict[int, list[int | None]] = {}
        for node in graph.nodes:
            for group, operand, _ in self.handed_out(node):
                uses.setdefault(operand.node, []).append(group)
        for node in reversed(graph.nodes):
            self.home[node.id] = self._home(node, uses.get(node.id, []))
            for operand in node.operands:
                uses.setdefault(operand.node, []).append(self._use(node))
        self.given = self._given()

    def key(self, node: int) -> str:
        """Return the key of what is drawn for a node: a loop's is that of its group."""
        return f"g{self.body[node]}" if node in self.body else f"n{node}"

    def above(self, container: int | None) -> list[int | None]:
        """Return a container and those that it is in, innermost first, the root last."""
        chain = [container]
        while container is not None:
            container = self.graph.groups[container].parent
            chain.append(container)
        return chain

    def common(self, containers: Iterable[int | None]) -> int | None:
        """Return the innermost container that holds all of these."""
        chains = [self.above(container) for container in set(containers)]
        return next(c for c in chains[0] if all(c in chain for chain in chains))

    def handed_out(self, node: Node) -> Iterator[tuple[int, Operand, int]]:
        """Yield what the bodies of a loop or branch hand out: group, where from, which result."""
        if node.id not in self.body:
            return
        inside = {self.body[node.id]}
        for group in self.graph.groups[self.body[node.id] :]:
            if group.parent in inside and group.kind == "side":
                inside.add(group.id)
            if group.id in inside:
                for result, operand in enumerate(group.outputs):
                    if operand is not None:
                        yield group.id, operand, result

    def _home(self, node: Node, uses: list[int | None]) -> int | None:
        if node.id in self.body:
            return self.graph.groups[self.body[node.id]].parent
        own = node.groups[-1] if node.groups else None
        if node.kind not in _LEAVES or not uses:
            return own
        if node.parameter or node.kind == "constant":
            return self.common(uses)
        return own if node.body_of is not None else None

    def _use(self, node: Node) -> int | None:
        # What a loop is given stands outside of it, as its body has an input of its own for it.
        if node.kind in BODY_INPUTS and node.body_of in self.body:
            return self.graph.groups[self.body[node.body_of]].parent
        return self.home[node.id]

    def _given(self) -> dict[int, tuple[Edge, ...]]:
        # Two operands of one value go to two inputs of the body, in order; each side has its own.
        given: dict[int, tuple[Edge, ...]] = {}
        takers: dict[tuple[int, int | None, Value], list[int]] = {}
        for node in self.graph.nodes:
            if node.kind in BODY_INPUTS and node.body_of in self.body:
                for operand in node.operands:
                    by = (node.body_of, self.home[node.id], (operand.node, operand.result))
                    takers.setdefault(by, []).append(node.id)
        for (loop, _, value), nodes in takers.items():
            operands = self.graph.nodes[loop].operands
            places = [p for p, o in enumerate(operands) if (o.node, o.result) == value]
            for k, place in enumerate(places):
                node = nodes[min(k, len(nodes) - 1)]
                given[node] = (*given.get(node, ()), (loop, place))
        return given
