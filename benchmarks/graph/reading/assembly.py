"""The nodes and groups of a graph while they are made, from its numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jax.extend.core import Literal

from ...program.count import Flops
from ...program.flops import flops_of
from ..numbers.evaluate import Numbers
from ..numbers.quantity import plain_number, quantity
from ..parts import Group, Node, Operand, Result
from .facts import note_of, word_for
from .fold import Edge, Folded, Item
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
        literals: The constants that are one number, which is told where it is taken.
        takers: The node where each of these is taken first.
    """

    numbers: Numbers | None
    passes: int
    nodes: list[Node] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    places: dict[Value, tuple[int, int]] = field(default_factory=dict)
    claimed: set[Step] = field(default_factory=set)
    owners: dict[Step, int] = field(default_factory=dict)
    ends: Mapping[Item, str] = field(default_factory=dict)
    literals: dict[Value, Any] = field(default_factory=dict)
    takers: dict[Value, int] = field(default_factory=dict)

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
        tangents = list(numbers.tangents.get(value, ()))
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

    def number(self, edge: Edge) -> Any:
        """Return the number that an edge brings, where it stands in the program itself."""
        if isinstance(edge.source, Literal):
            return plain_number(edge.source.val)
        return self.literals.get(edge.source)

    def drawn(self, edges: Sequence[Edge]) -> list[Edge]:
        """Return those edges that come from a node."""
        return [edge for edge in edges if self.number(edge) is None]

    def flops(self, steps: Sequence[Step]) -> Flops:
        """Return the FLOPs of those operations that no node has yet."""
        fresh = [step for step in dict.fromkeys(steps) if step not in self.claimed]
        self.claimed.update(fresh)
        return sum((flops_of(step.eqn, step.line) for step in fresh), Flops())


def _zeros(value: Value, like: np.ndarray) -> np.ndarray:
    return np.zeros(like.shape, like.dtype if value.holds_floats else float)


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


def add_constant(
    assembly: Assembly,
    folded: Folded,
    value: Value,
    inputs: dict[Value, Source],
    *,
    live: bool,
    shared: dict[str, Any],
) -> None:
    """Add the node of a constant."""
    steps, origins = history(folded, value)
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


def read_literals(assembly: Assembly, folded: Folded, inputs: Collection[Value]) -> None:
    """Find the constants that are one number and made of no input, such as a count of rows."""
    values = assembly.numbers.values if assembly.numbers else {}
    for value in folded.constants:
        if value.shape == () and value in values and value.dtype.kind != "c":
            _, origins = history(folded, value)
            if not any(origin in inputs for origin in origins):
                assembly.literals[value] = plain_number(values[value])


def history(folded: Folded, value: Value) -> tuple[list[Step], list[Value]]:
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
