"""Make the records of a graph out of a folded program and its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jax.extend.core import Literal

from ...program.loops import branch_taken
from ..parts import Group
from .assembly import Assembly, Source, add_constant, add_input, history, read_literals
from .facts import operation_of, params_of
from .fold import Edge, Folded, Item, body_operands, carried
from .groups import scope_groups
from .named import names_of
from .steps import Value


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
                add_constant(assembly, folded, value, inputs, live=live, shared=fields)

    if live:
        read_literals(assembly, folded, inputs)
    for item, chain in zip(folded.items, chains, strict=True):
        constants(assembly.drawn(item.edges))
        name = names.get(item.step.results[0], "")
        fields = {"name": name, "body_of": body_of, "groups": chain}
        _add_item(assembly, folded, item, live=live, shared=fields)
    if body_of is None:  # a counter that a turn hands on is not drawn
        constants(folded.outputs)


def _add_item(
    assembly: Assembly, folded: Folded, item: Item, *, live: bool, shared: dict[str, Any]
) -> None:
    step = item.step
    kinds = {"scan": "loop", "while": "loop", "cond": "branch"}
    chains = [s for edge in item.edges for s in edge.chain]
    sources = [edge.source for edge in item.edges if isinstance(edge.source, Value)]
    told = [value for value in sources if value in assembly.literals]
    chains += [s for value in told for s in history(folded, value)[0]]
    place = assembly.add(
        step.results,
        folded,
        live=live,
        kind=kinds.get(step.kind, "operation") if item.bodies else "operation",
        operation=operation_of(step.eqn),
        literals=tuple(assembly.number(edge) for edge in item.edges),
        params=params_of(step.eqn),
        operands=tuple(assembly.operand(edge, live=live) for edge in assembly.drawn(item.edges)),
        source=step.line,
        flops=assembly.flops([step, *chains]),
        note=assembly.ends.get(item, ""),
        **shared,
    )
    assembly.owners[step] = place
    for edge in item.edges:
        source = edge.source
        drawn = assembly.places.get(source) if isinstance(source, Value) else None
        owner = place if drawn is None else drawn[0]
        for changed in edge.chain:
            assembly.owners.setdefault(changed, owner)
    for value in told:
        assembly.takers.setdefault(value, place)
    for made in chains:
        assembly.owners.setdefault(made, place)
    if item.bodies:
        add = _add_sides if step.kind == "cond" else _add_loop
        add(assembly, item, place, live=live, groups=shared["groups"])


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
    if taken is not None:
        taken = branch_taken(item.step.eqn, taken)
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
            outer_edges = assembly.drawn([edge])
            assembly.add(
                [value],
                body,
                live=live,
                kind=kind,
                operation=kind,
                literals=(assembly.number(edge),),
                name=name,
                operands=tuple(assembly.operand(outer, live=False) for outer in outer_edges),
                body_of=place,
                groups=groups,
            )
    add_program(assembly, body, sources, body_of=place, groups=groups, live=live)
    outputs = tuple(
        assembly.operand(edge, live=live) if edge.source in assembly.places else None
        for edge in body.outputs
    )
    assembly.groups[groups[-1]] = replace(assembly.groups[groups[-1]], outputs=outputs)


def _rank(value: Value | Literal) -> int:
    return len(value.shape) if isinstance(value, Value) else np.ndim(value.val)


def _name(assembly: Assembly, edge: Edge) -> str:
    """Return what a loop or branch calls the value that it is given."""
    place = assembly.places.get(edge.source) if isinstance(edge.source, Value) else None
    return "" if place is None else assembly.nodes[place[0]].name
