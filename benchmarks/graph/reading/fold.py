"""What of a program is drawn: constants are one value each, changes of shape notes on edges."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from jax.extend.core import Literal

from ...program.jaxpr import names, scan_parts
from ...program.loops import of_while
from ...program.primitives import has_slope
from .steps import Block, Step, Value

#: Operations of one operand that change its shape, its type or its place, or end its derivative.
SHAPE_ONLY = names(
    "broadcast_in_dim convert_element_type device_put expand_dims layout_constraint mesh_cast "
    "pvary reduce_precision reshape reshard sharding_constraint squeeze stop_gradient transpose"
)


@dataclass(frozen=True, eq=False)
class Edge:
    """What an operation takes: a value that is drawn, and the changes of shape on the way.

    Attributes:
        source: Where it comes from.
        chain: The operations on the way, the first one first.
        moves: Whether a derivative flows from the source.
    """

    source: Value | Literal
    chain: tuple[Step, ...] = ()
    moves: bool = False


@dataclass(frozen=True, eq=False)
class Item:
    """An operation that is drawn, with its edges and the folded bodies of a loop or branch."""

    step: Step
    edges: tuple[Edge, ...]
    bodies: tuple[Folded, ...] = ()


@dataclass(frozen=True, eq=False)
class Folded:
    """A flat program, and what of it is drawn.

    Attributes:
        block: The program.
        depends: The values that depend on a differentiated input.
        moves: Those of them through which a derivative flows.
        items: The operations that are drawn, in order.
        outputs: The edges to what it returns.
        constants: The values that depend on nothing and are drawn, inputs not among them.
        makers: The operation that makes each value.
        made: What the operations that are drawn make.
    """

    block: Block
    depends: set[Value]
    moves: set[Value]
    items: list[Item] = field(default_factory=list)
    outputs: list[Edge] = field(default_factory=list)
    constants: list[Value] = field(default_factory=list)
    makers: dict[Value, Step] = field(default_factory=dict)
    made: set[Value] = field(default_factory=set)

    def edges(self) -> Iterator[Edge]:
        """Yield the edges to operations and outputs, those in bodies not among them."""
        for item in self.items:
            yield from item.edges
        yield from self.outputs

    def used_inputs(self) -> list[Value]:
        """Return the inputs that an operation takes, or that depend and are handed out."""
        edges = [edge for item in self.items for edge in item.edges]
        edges += [edge for edge in self.outputs if edge.source in self.depends]
        sources = {edge.source for edge in edges if isinstance(edge.source, Value)}
        return [value for value in self.block.inputs if value in sources]

    def drawn(self) -> Iterator[Value]:
        """Yield the values that are drawn, and then those in bodies."""
        yield from self.block.inputs
        yield from self.constants
        for item in self.items:
            yield from item.step.results
        for item in self.items:
            for body in item.bodies:
                yield from body.drawn()

    def taps(self) -> Iterator[Edge]:
        """Yield the edges that hand a derivative back, and then those in bodies."""
        yield from (edge for edge in self.edges() if edge.moves)
        for item in self.items:
            for body in item.bodies:
                yield from body.taps()


def folded(block: Block, depends: Collection[Value], moves: Collection[Value]) -> Folded:
    """Say what of a program is drawn, given the inputs that are differentiated.

    Args:
        block: The program.
        depends: The inputs that it is drawn for; what depends on none of them is a constant.
        moves: Those of them that a derivative flows from.
    """
    result = Folded(block, set(depends), set(moves))
    outputs = set(block.outputs)
    for step in block.steps:
        result.makers.update(dict.fromkeys(step.results, step))
        spread(step, result.depends, result.moves)
        dependent = step.results[:1] and step.results[0] in result.depends
        if dependent and (not is_note(step) or step.results[0] in outputs):
            result.items.append(_item(step, result))
            result.made.update(step.results)
    result.outputs.extend(Edge(v, (), v in result.moves) for v in block.outputs)
    inputs = set(block.inputs)
    given = result.depends | inputs
    sources = (edge.source for edge in result.edges() if isinstance(edge.source, Value))
    result.constants.extend(v for v in dict.fromkeys(sources) if v not in given)
    return result


def spread(step: Step, depends: set[Value], moves: set[Value]) -> None:
    """Add the results of an operation to the values that depend, and to those that move."""
    if any(operand in depends for operand in step.operands if isinstance(operand, Value)):
        depends.update(step.results)
    if has_slope(step.eqn) and any(o in moves for o in step.operands if isinstance(o, Value)):
        moves.update(v for v in step.results if v.holds_floats)


def is_note(step: Step) -> bool:
    """Whether an operation is told on the edge of what takes it."""
    return step.kind in SHAPE_ONLY and len(step.operands) == len(step.results) == 1


def _item(step: Step, so_far: Folded) -> Item:
    edges = tuple(_edge(operand, so_far) for operand in step.operands)
    return Item(step, edges, tuple(_bodies(step, so_far)))


def _edge(operand: Value | Literal, so_far: Folded) -> Edge:
    """Follow an operand back over the changes of shape to the value that is drawn."""
    chain: list[Step] = []
    while isinstance(operand, Value) and operand not in so_far.made:
        step = so_far.makers.get(operand)
        if step is None or not is_note(step):
            break
        chain.insert(0, step)
        operand = step.operands[0]
    moves = isinstance(operand, Value) and operand in so_far.moves
    return Edge(operand, tuple(chain), moves)


def _bodies(step: Step, so_far: Folded) -> Iterator[Folded]:
    """Fold the bodies of a loop or the sides of a branch, given what its operands are."""
    for block in step.bodies:
        given = body_operands(step)
        depends, moves = _given(block, given, so_far.depends), _given(block, given, so_far.moves)
        while True:
            result = folded(block, depends, moves)
            more = _carried_on(step, block, result.depends) - depends
            moving = _carried_on(step, block, result.moves) - moves
            if not more and not moving:
                break
            depends, moves = depends | more, moves | moving
        yield result


def body_operands(step: Step) -> Sequence[Value | Literal]:
    """Return what the inputs of a body are given, one for each."""
    match step.kind:
        case "while":
            given = of_while(step.eqn, step.operands)
            return [*given.consts, *given.carry]
        case "cond":
            return step.operands[1:]
        case _:
            return step.operands


def carried(step: Step) -> range:
    """Return which inputs of a loop's body are its first results, a turn later."""
    if step.kind == "scan":
        parts = scan_parts(step.eqn)
        return range(parts.consts, parts.consts + parts.carries)
    if step.kind == "while":
        inputs = len(step.bodies[0].inputs)
        return range(inputs - len(step.results), inputs)
    return range(0)


def _given(block: Block, given: Sequence[Value | Literal], those: set[Value]) -> set[Value]:
    pairs = zip(block.inputs, given, strict=True)
    return {inner for inner, outer in pairs if isinstance(outer, Value) and outer in those}


def _carried_on(step: Step, block: Block, those: set[Value]) -> set[Value]:
    """Return the inputs of a body whose value of the turn before is among `those`."""
    places = carried(step)
    inputs = [block.inputs[place] for place in places]
    return {v for v, out in zip(inputs, block.outputs, strict=False) if out in those}
