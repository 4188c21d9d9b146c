"""What is written in each box: its texts and its numbers."""

import math
from dataclasses import dataclass, field

from ...program.count import Flops
from ..layout.containers import Structure
from ..layout.nesting import BODY_INPUTS, Nesting
from ..parts import Group, Node, Quantity, Result
from ..record import Graph
from ..words.figures import size_of
from ..words.naming import is_operation
from ..words.rules import label as label_of
from .amounts import counted, storage
from .card_words import about, flops_in_short, flops_of, type_of
from .heat import COLUMNS, ROWS, Sight, sight


@dataclass(frozen=True, kw_only=True)
class Card:
    """A box: a node, or a group that is closed.

    Attributes:
        key: `"n12"` for a node, `"g3"` for a closed group.
        kind: How it is drawn: `"input"`, `"fixed"`, `"operation"`, `"output"` or `"closed"`.
        label: What it does, or its name.
        name: The user's own name of the value.
        small: Lines in small letters: its shape, and what a group holds.
        value: Its value; `None` where there is none.
        tangents: Its tangent in each pass.
        adjoint: Its adjoint.
        kept: How many bytes of it reverse mode keeps.
        kept_anew: How many of them only the derivative asks for.
        flops: Its operations.
        body: `"loop"` or `"branch"` if it is one, whose body is inside; `""` for other boxes.
        turn: Which turn of a loop its open body shows, such as `"turn 12 of 12"`; else `""`.
        about: What a reader sees who points at it, a line each.
    """

    key: str
    kind: str
    label: str
    name: str = ""
    small: tuple[str, ...] = ()
    value: Sight | None = None
    tangents: tuple[Sight, ...] = ()
    adjoint: Sight | None = None
    kept: int = 0
    kept_anew: int = 0
    flops: Flops = field(default_factory=Flops)
    body: str = ""
    turn: str = ""
    about: tuple[str, ...] = ()


class Cards:
    """The cards of a graph's nodes and groups.

    Attributes:
        graph: The graph.
        by_key: The card of each node, and of each group as it is drawn closed.
    """

    def __init__(
        self,
        graph: Graph,
        nesting: Nesting,
        structure: Structure,
        *,
        rows: int = ROWS,
        columns: int = COLUMNS,
        passes: int | None = None,
    ):
        self.graph = graph
        self._nesting = nesting
        self._structure = structure
        self._most = (rows, columns)
        self._passes = passes
        self._outputs = {output.edge.node: output.name for output in graph.outputs}
        self._members: dict[int, list[Node]] = {group.id: [] for group in graph.groups}
        for node in graph.nodes:
            for container in nesting.above(nesting.home[node.id]):
                if container is not None:
                    self._members[container].append(node)
        cards = [self._of_node(node) for node in graph.nodes if node.id not in nesting.body]
        cards += [self._of_group(group) for group in graph.groups]
        self.by_key = {card.key: card for card in cards}

    def _of_node(self, node: Node) -> Card:
        result = node.results[0] if node.results else None
        label = label_of(node)
        if node.parameter:  # its group says the rest
            label = label.rpartition(".")[2]
        return self._card(
            f"n{node.id}",
            node,
            result,
            kind=self._kind(node),
            label=label,
            name="" if node.name.endswith(label) else node.name,
            small=() if result is None or not result.shape else (size_of(result),),
            nodes=[node],
            about=about(node, result),
        )

    def _kind(self, node: Node) -> str:
        if node.kind in BODY_INPUTS:  # one that has no derivative is as good as fixed
            moves = any(r.tangents or r.adjoint is not None for r in node.results)
            return "operation" if moves else "fixed"
        if node.kind == "constant":
            return "fixed"
        if node.kind in ("input", "fixed"):
            return node.kind
        return "output" if node.id in self._outputs else "operation"

    def _of_group(self, group: Group) -> Card:
        """Return the card of a closed group: what it makes, and what it holds."""
        is_body = group.loop is not None and self._nesting.body[group.loop] == group.id
        loop = self.graph.nodes[group.loop] if is_body and group.loop is not None else None
        members = self._members[group.id]
        node, result = self._made_by(group, loop, members)
        nodes = members if loop is None else [*members, loop]
        holds = self._holds(nodes, loop)
        title = f"{group.name}, {counted(len(members), 'node')} inside"
        return self._card(
            f"g{group.id}",
            node,
            result,
            kind="output" if loop is None and node.id in self._outputs else "closed",
            label=self._called(group) if loop is None else label_of(loop),
            name="" if loop is None else loop.name,
            small=tuple(filter(None, (size_of(result) if result else "", *holds))),
            nodes=nodes,
            about=(title, type_of(result) if result else "", *holds, loop.source if loop else ""),
            body="" if loop is None else loop.kind,
            turn="" if group.turn is None else f"turn {group.turn + 1} of {group.turns}",
        )

    def _called(self, group: Group) -> str:
        """Return the name of a group, with the turns of the loop that is all there is in it."""
        inside = self._structure.containers[group.id].children
        bodies = [self.graph.groups[int(child[1:])] for child in inside if child[0] == "g"]
        nodes = [self.graph.nodes[int(child[1:])] for child in inside if child[0] == "n"]
        alone = len(bodies) == 1 and not any(map(is_operation, nodes))
        turns = bodies[0].turns if alone and bodies[0].kind == "loop" else None
        return group.name if turns is None else f"{group.name} × {turns}"

    def _made_by(
        self, group: Group, loop: Node | None, members: list[Node]
    ) -> tuple[Node, Result | None]:
        """Return the node whose result a closed group shows, and that result."""
        outs = self._structure.containers[group.id].outs
        if loop is not None:
            node, place = loop, 0
        elif group.outputs and group.outputs[0] is not None:
            node, place = self.graph.nodes[group.outputs[0].node], group.outputs[0].result
        elif outs:
            node, place = self.graph.nodes[outs[-1][0]], outs[-1][1]
        else:
            node, place = members[-1], 0
        return node, node.results[place] if place < len(node.results) else None

    def _holds(self, nodes: list[Node], loop: Node | None) -> list[str]:
        """Return what a closed group holds: its parameters, operations and kept bytes."""
        parameters = sum(
            math.prod(self.graph.nodes[p].results[0].shape) for p in self._weights(nodes)
        )
        flops = flops_in_short(flops_of(nodes, loop))
        kept = sum(residual.bytes for node in nodes for residual in node.kept)
        costs = " · ".join(filter(None, (flops, f"keeps {storage(kept)}" if kept else "")))
        return list(filter(None, (counted(parameters, "parameter") if parameters else "", costs)))

    def _weights(self, members: list[Node]) -> set[int]:
        """Return the parameters that some nodes are or take; one that a penalty shares, too."""
        taken = {operand.node for node in members for operand in node.operands}
        return {
            node.id
            for node in map(self.graph.nodes.__getitem__, taken.union(n.id for n in members))
            if node.parameter and node.kind in ("input", "fixed") and node.results
        }

    def _card(
        self,
        key: str,
        node: Node,
        result: Result | None,
        *,
        kind: str,
        label: str,
        name: str,
        small: tuple[str, ...],
        nodes: list[Node],
        about: tuple[str, ...],
        body: str = "",
        turn: str = "",
    ) -> Card:
        output = self._outputs.get(node.id, "")
        if len(self.graph.outputs) > 1 and output:
            small = (*small, f"→ {output}")
        residuals = [residual for member in nodes for residual in member.kept]
        loop = node if body else None
        return Card(
            key=key,
            kind=kind,
            label=label,
            name=name,
            small=small,
            value=self._sight(result and result.value),
            tangents=tuple(
                sight
                for t in (result.tangents[: self._passes] if result else ())
                if (sight := self._sight(t))
            ),
            adjoint=self._sight(result and result.adjoint),
            kept=sum(residual.bytes for residual in residuals),
            kept_anew=sum(r.bytes for r in residuals if r.storage == "new"),
            flops=flops_of(nodes, loop),
            body=body,
            turn=turn,
            about=tuple(filter(None, about)),
        )

    def _sight(self, quantity: Quantity | None) -> Sight | None:
        rows, columns = self._most
        return None if quantity is None else sight(quantity.array, rows=rows, columns=columns)
