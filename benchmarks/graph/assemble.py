"""Make the records of a graph out of a folded program and its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jax.extend.core import Literal

from ..program.count import Flops
from ..program.flops import flops_of
from .evaluate import Numbers
from .facts import note_of, operation_of, params_of, word_for
from .fold import Edge, Folded, Item, body_operands, carried
from .groups import scope_groups
from .named import names_of
from .parts import Group, Node, Operand, Result
from .quantity import plain_number, quantity
from .steps import Step, Value


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is known of an input before the graph is made: its kind, its name."""

    kind: str
    name: str
    parameter: bool = False


@dataclass
class Assembly:
    """The nodes and groups of a graph, while they are made.

    Attributes:
        numbers: What was evaluated.
        passes: How many tangents each value has.
        nodes: The nodes so far.
        groups: The groups so far.
        places: The node that makes each value, and which of its results it is.
        claimed: The operations whose FLOPs some node has.
        owners: The node that each operation is a part of.
        ends: The operations at which a mode ends, and what to tell there.
    """

    numbers: Numbers | None
    passes: int
    nodes: list[Node] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    places: dict[Value, tuple[int, int]] = field(default_factory=dict)
    claimed: set[Step] = field(default_factory=set)
    owners: dict[Step, int] = field(default_factory=dict)
    ends: Mapping[Item, str] = field(default_factory=dict)

    def add(self, values: Sequence[Value], folded: Folded, *, live: bool, **fields: Any) -> int:
        """Add a node that makes some values, and return its id."""
        place = len(self.nodes)
        results = tuple(self._result(value, folded, live=live) for value in values)
        self.nodes.append(Node(id=place, results=results, **fields))
        self.places |= {value: (place, i) for i, value in enumerate(values)}
        return place

    def _result(self, value: Value, folded: Folded, *, live: bool) -> Result:
        bare = Result(shape=value.shape, dtype=str(value.dtype))
        numbers = self.numbers if live else None
        if numbers is None or value not in numbers.values:
            return bare
        tangents: Sequence[np.ndarray] = numbers.tangents.get(value, ())
        if value in folded.depends and value.holds_floats and value not in numbers.tangents:
            tangents = [_zeros(value, numbers.values[value])] * self.passes
        return replace(
            bare,
            value=quantity(numbers.values[value], value.shape),
            tangents=tuple(quantity(t, value.shape) for t in tangents),
            adjoint=quantity(numbers.adjoints.get(value), value.shape),
        )

    def operand(self, edge: Edge, *, live: bool) -> Operand:
        """Return an edge as a record."""
        assert isinstance(edge.source, Value)
        node, result = self.places[edge.source]
        notes = [note for step in edge.chain if (note := note_of(step.eqn))]
        handed = self.numbers.handed.get(edge) if self.numbers and live else None
        return Operand(
            node=node,
            result=result,
            notes=tuple(n for i, n in enumerate(notes) if notes[:i][-1:] != [n]),
            adjoint=quantity(handed, edge.source.shape),
        )

    def flops(self, steps: Sequence[Step]) -> Flops:
        """Return the FLOPs of those operations that no node has yet."""
        fresh = [step for step in dict.fromkeys(steps) if step not in self.claimed]
        self.claimed.update(fresh)
        return sum((flops_of(step.eqn, step.line) for step in fresh), Flops())


def _zeros(value: Value, like: np.ndarray) -> np.ndarray:
    return np.zeros(like.shape, like.dtype if value.holds_floats else float)


def add_program(
    assembly: Assembly,
    folded: Folded,
    inputs: dict[Value, Source],
    *,
    body_of: int | None = None,
    groups: tuple[int, ...] = (),
    live: bool = True,
) -> None:
    """Add the nodes of a program, those of its loops' bodies behind each loop.

    Args:
        assembly: What they are added to.
        folded: The program; its inputs have nodes.
        inputs: What is known of those inputs that are not drawn unless they are used.
        body_of: The loop or branch that the program is the body of.
        groups: The groups that it is in.
        live: Whether it has numbers.
    """
    shared: dict[str, Any] = {"body_of": body_of, "groups": groups}
    origins = [item.step.origin for item in folded.items]
    made, chains = scope_groups(origins, first=len(assembly.groups), inside=groups)
    assembly.groups.extend(made)
    names = names_of(folded)

    def constants(edges: Sequence[Edge]) -> None:
        """Add the inputs and constants that some edges come from, where they are new."""
        for value in dict.fromkeys(e.source for e in edges if isinstance(e.source, Value)):
            if value in assembly.places:
                continue
            if value in inputs:
                add_input(assembly, folded, value, inputs[value], live=live, **shared)
            else:
                fields = {"name": names.get(value, ""), **shared}
                _add_constant(assembly, folded, value, inputs, live=live, shared=fields)

    for item, chain in zip(folded.items, chains, strict=True):
        constants(item.edges)
        name = names.get(item.step.results[0], "")
        fields = {"name": name, "body_of": body_of, "groups": chain}
        _add_item(assembly, folded, item, live=live, shared=fields)
    constants(folded.outputs)


def add_input(
    assembly: Assembly,
    folded: Folded,
    value: Value,
    source: Source,
    *,
    live: bool = True,
    **shared: Any,
) -> None:
    """Add the node of an input."""
    assembly.add(
        [value],
        folded,
        live=live,
        kind=source.kind,
        operation=source.kind,
        name=source.name,
        parameter=source.parameter,
        **shared,
    )


def _add_constant(
    assembly: Assembly,
    folded: Folded,
    value: Value,
    inputs: dict[Value, Source],
    *,
    live: bool,
    shared: dict[str, Any],
) -> None:
    steps, origins = _history(folded, value)
    made_of = tuple(dict.fromkeys(inputs[v].name for v in origins if v in inputs))
    place = assembly.add(
        [value],
        folded,
        live=live,
        kind="constant",
        operation=word_for([step.eqn for step in steps]),
        params=(("of", made_of),) if made_of else (),
        source=steps[0].line if steps else "",
        flops=assembly.flops(steps),
        **shared,
    )
    for step in steps:
        assembly.owners.setdefault(step, place)


def _history(folded: Folded, value: Value) -> tuple[list[Step], list[Value]]:
    """Return the operations that made a constant, the last one first, and what they began with."""
    steps: dict[Step, None] = {}
    origins: list[Value] = []
    waiting = [value]
    while waiting:
        step = folded.makers.get(waiting[0])
        current = waiting.pop(0)
        if step is None:
            origins.append(current)
        elif step not in steps:
            steps[step] = None
            waiting += [v for v in step.operands if isinstance(v, Value)]
    return list(steps), origins


def _add_item(
    assembly: Assembly, folded: Folded, item: Item, *, live: bool, shared: dict[str, Any]
) -> None:
    step = item.step
    kinds = {"scan": "loop", "while": "loop", "cond": "branch"}
    chains = [s for edge in item.edges for s in edge.chain]
    place = assembly.add(
        step.results,
        folded,
        live=live,
        kind=kinds.get(step.kind, "operation") if item.bodies else "operation",
        operation=operation_of(step.eqn),
        literals=tuple(_literal(edge) for edge in item.edges),
        params=params_of(step.eqn),
        operands=tuple(
            assembly.operand(edge, live=live)
            for edge in item.edges
            if isinstance(edge.source, Value)
        ),
        source=step.line,
        flops=assembly.flops([step, *chains]),
        note=assembly.ends.get(item, ""),
        **shared,
    )
    assembly.owners[step] = place
    for edge in item.edges:
        source = edge.source
        owner = assembly.places[source][0] if isinstance(source, Value) else place
        for changed in edge.chain:
            assembly.owners.setdefault(changed, owner)
    if item.bodies:
        add = _add_sides if step.kind == "cond" else _add_loop
        add(assembly, item, place, live=live, groups=shared["groups"])


def _literal(edge: Edge) -> Any:
    return plain_number(edge.source.val) if isinstance(edge.source, Literal) else None


def _add_loop(
    assembly: Assembly, item: Item, place: int, *, live: bool, groups: tuple[int, ...]
) -> None:
    turns = item.step.eqn.params.get("length")
    if turns is None and assembly.numbers and live:
        turns = assembly.numbers.turns[item]
    live = live and bool(turns) and assembly.numbers is not None
    group = _add_group(
        assembly,
        name="loop" if turns is None else f"x {turns:,}",
        kind="loop",
        parent=groups[-1] if groups else None,
        loop=place,
        turns=turns,
        turn=turns - 1 if live and turns else None,
    )
    _add_body(assembly, item, item.bodies[0], place, live=live, groups=(*groups, group))


def _add_sides(
    assembly: Assembly, item: Item, place: int, *, live: bool, groups: tuple[int, ...]
) -> None:
    parent = groups[-1] if groups else None
    taken = assembly.numbers.turns[item] if assembly.numbers and live else None
    if taken is not None:  # as JAX reads an index that is out of range
        taken = min(max(taken, 0), len(item.bodies) - 1)
    whole = _add_group(assembly, name="branch", kind="branch", parent=parent, loop=place)
    for side, body in enumerate(item.bodies):
        name = f"branch {side}" + (" (taken)" if side == taken else "")
        own = _add_group(assembly, name=name, kind="side", parent=whole, loop=place)
        inside = (*groups, whole, own)
        _add_body(assembly, item, body, place, live=live and side == taken, groups=inside)


def _add_group(assembly: Assembly, **fields: Any) -> int:
    place = len(assembly.groups)
    assembly.groups.append(Group(id=place, **fields))
    return place


def _add_body(
    assembly: Assembly,
    item: Item,
    body: Folded,
    place: int,
    *,
    live: bool,
    groups: tuple[int, ...],
) -> None:
    """Add the inputs of a body that it uses, what it does, and say what it hands out."""
    given = body_operands(item.step)
    edges = item.edges[len(item.edges) - len(given) :]
    moving_on = carried(item.step)
    used = set(body.used_inputs())
    sources: dict[Value, Source] = {}
    for number, (value, edge) in enumerate(zip(body.block.inputs, edges, strict=True)):
        if number in moving_on:
            kind = "carried"
        else:
            outer = edge.chain[-1].results[0] if edge.chain else edge.source
            kind = "held" if _rank(outer) == len(value.shape) else "slice"
        name = _name(assembly, edge)
        sources[value] = Source(kind=kind, name=name)
        if value in used:
            outer = isinstance(edge.source, Value)
            operand = assembly.operand(edge, live=False) if outer else None
            assembly.add(
                [value],
                body,
                live=live,
                kind=kind,
                operation=kind,
                literals=(_literal(edge),),
                name=name,
                operands=(operand,) if operand else (),
                body_of=place,
                groups=groups,
            )
    add_program(assembly, body, sources, body_of=place, groups=groups, live=live)
    outputs = tuple(assembly.operand(edge, live=live) for edge in body.outputs)
    assembly.groups[groups[-1]] = replace(assembly.groups[groups[-1]], outputs=outputs)


def _rank(value: Value | Literal) -> int:
    return len(value.shape) if isinstance(value, Value) else np.ndim(value.val)


def _name(assembly: Assembly, edge: Edge) -> str:
    """Return what a loop or branch calls the value that it is given."""
    if not isinstance(edge.source, Value):
        return ""
    return assembly.nodes[assembly.places[edge.source][0]].name
