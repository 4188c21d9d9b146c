"""Run a folded program, and record every value that is drawn.

Of a loop the last turn is taken out and run by itself, so that what is recorded in its body, and
what JAX makes of it in forward and in reverse mode, is of that turn.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal, jaxpr_as_fun

from ...program.jaxpr import Program, dtype
from ...program.loops import of_scan, of_while
from ...program.walk import bind
from ..reading.fold import Edge, Folded, Item
from ..reading.steps import Step, Value

#: What is recorded: the array of each value, and of a branch or an endless loop which side was
#: taken or how many turns it made.
Record: TypeAlias = dict[Value | Item, Any]
#: What is added to the tangent that an edge carries; its derivative is what the edge hands back.
Shifts: TypeAlias = Mapping[Edge, Any]
Returned: TypeAlias = tuple[list[Any], Record]


def settle(folded: Folded, inputs: Mapping[Value, Any]) -> dict[Value, Any]:
    """Return the inputs, and all that is drawn and depends on no differentiated input."""
    constants = folded.block.constants
    known = dict(inputs) | {v: _array(number, v) for v, number in constants.items()}
    needed = _ancestors(folded)
    for step in folded.block.steps:
        if step in needed:
            operands = [_value(operand, known) for operand in step.operands]
            known |= dict(zip(step.results, bind(step.eqn, operands), strict=True))
    return known


def run(folded: Folded, known: Mapping[Value, Any], shifts: Shifts) -> Returned:
    """Return the outputs of a program, and the record of all that is drawn.

    Args:
        folded: The program.
        known: Its inputs, and what `settle` makes of them.
        shifts: What is added to the tangents on edges.
    """
    values, record = dict(known), {}
    for item in folded.items:
        operands = [_follow(edge, values, shifts) for edge in item.edges]
        perform = _STRUCTURED.get(item.step.kind, _plain) if item.bodies else _plain
        results, inner = perform(item, operands, shifts)
        values |= dict(zip(item.step.results, results, strict=True))
        record |= inner
    own = [*folded.block.inputs, *folded.constants]
    own += [value for item in folded.items for value in item.step.results]
    record |= {value: values[value] for value in own}
    return [_follow(edge, values, shifts) for edge in folded.outputs], record


def recorded(folded: Folded) -> list[Value | Item]:
    """Return what a record of a program has, in a fixed order; keys of JAX are left out."""
    keys: list[Value | Item] = [value for value in folded.drawn() if value.holds_numbers]
    return keys + [item for item in inner_items(folded) if item.step.kind in ("cond", "while")]


def inner_items(folded: Folded) -> list[Item]:
    """Return the loops and branches of a program, those inside of bodies too."""
    held = [item for item in folded.items if item.bodies]
    return held + [i for item in held for body in item.bodies for i in inner_items(body)]


def zeros(key: Value | Item) -> Any:
    """Return what stands in a record where nothing was run."""
    return jnp.zeros(key.shape, key.dtype) if isinstance(key, Value) else jnp.int32(0)


@jax.custom_jvp
def _tapped(value: jax.Array, shift: jax.Array) -> jax.Array:
    """Return the value; its tangent is that of the value and of the shift together."""
    del shift
    return value


@_tapped.defjvp
def _tapped_jvp(values: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    return values[0], tangents[0] + tangents[1]


def _follow(edge: Edge, values: Mapping[Value, Any], shifts: Shifts) -> Any:
    """Return what an edge brings: its source, tapped, after the changes of shape on the way."""
    value = _value(edge.source, values)
    if edge in shifts:
        value = _tapped(value, shifts[edge])
    for step in edge.chain:
        (value,) = bind(step.eqn, [value])
    return value


def _value(operand: Value | Literal, values: Mapping[Value, Any]) -> Any:
    if isinstance(operand, Value):
        return values[operand]
    return np.asarray(operand.val, dtype(operand))


def _array(constant: Any, value: Value) -> Any:
    """Return a constant of a program; it may be one of Python's numbers."""
    return constant if hasattr(constant, "shape") else np.asarray(constant, value.dtype)


def _ancestors(folded: Folded) -> set[Step]:
    """Return the operations that the constants are made by."""
    found: set[Step] = set()
    open_values = list(folded.constants)
    while open_values:
        step = folded.makers.get(open_values.pop())
        if step is not None and step not in found:
            found.add(step)
            open_values += [v for v in step.operands if isinstance(v, Value)]
    return found


def _plain(item: Item, operands: list[Any], shifts: Shifts) -> Returned:
    return bind(item.step.eqn, operands), {}


def _body(folded: Folded, inputs: Sequence[Any], shifts: Shifts) -> Returned:
    """Run a body once."""
    given = dict(zip(folded.block.inputs, inputs, strict=True))
    return run(folded, settle(folded, given), shifts)


def _scan(item: Item, operands: list[Any], shifts: Shifts) -> Returned:
    """Run all turns but the last, then that one by itself."""
    eqn, (body,) = item.step.eqn, item.bodies
    turns, backwards = eqn.params["length"], eqn.params["reverse"]
    consts, carry, stacks = of_scan(eqn, operands)
    carries = len(carry)
    if not turns:
        return bind(eqn, operands), {}
    last, rest = (0, slice(1, None)) if backwards else (-1, slice(None, -1))
    before = bind(
        eqn,
        [*consts, *carry, *(stack[rest] for stack in stacks)],
        length=turns - 1,
        unroll=1,
    )
    carry, earlier = before[:carries], before[carries:]
    slices = [stack[last] for stack in stacks]
    results, record = _body(body, [*consts, *carry, *slices], shifts)
    made = [y[None] for y in results[carries:]]
    pairs = zip(made, earlier, strict=True) if backwards else zip(earlier, made, strict=True)
    return [*results[:carries], *(jnp.concatenate(pair) for pair in pairs)], record


def _while(item: Item, operands: list[Any], shifts: Shifts) -> Returned:
    """Run the loop, count its turns, and run the last one once more by itself."""
    eqn, (body,) = item.step.eqn, item.bodies
    tested, consts, carry = of_while(eqn, operands)
    test, turn = _function(eqn.params["cond_jaxpr"]), _function(eqn.params["body_jaxpr"])

    def tests(carry: Sequence[Any]) -> Any:
        return test(*tested, *carry)[0]

    def going_on(state: tuple) -> Any:
        return jnp.any(tests(state[1]))  # vmap makes one loop of many, and a test for each

    def once_more(state: tuple) -> tuple:
        going = tests(state[1])
        results = turn(*consts, *state[1])
        if going.ndim:
            results = [_where(going, y, x) for x, y in zip(state[1], results, strict=True)]
        return state[1], results, state[2] + 1

    before, results, turns = jax.lax.while_loop(going_on, once_more, (carry, carry, jnp.int32(0)))

    def last_turn(carry: Sequence[Any]) -> Returned:
        return [], _body(body, [*consts, *carry], shifts)[1]

    sides = [lambda carry: ([], {}), last_turn]
    _, record = _one_of(turns > 0, sides, [before], recorded(body))
    return list(results), record | {item: turns}


def _cond(item: Item, operands: list[Any], shifts: Shifts) -> Returned:
    """Run the side that is taken."""

    def side(body: Folded) -> Callable[..., Returned]:
        return lambda *inputs: _body(body, inputs, shifts)

    keys = [key for body in item.bodies for key in recorded(body)]
    sides = [side(body) for body in item.bodies]
    results, record = _one_of(operands[0], sides, operands[1:], keys)
    return results, record | {item: operands[0]}


def _one_of(
    index: Any,
    sides: Sequence[Callable[..., Returned]],
    operands: Sequence[Any],
    keys: Sequence[Value | Item],
) -> Returned:
    """Run one of several functions, and fill up its record with zeros."""

    def whole(side: Callable[..., Returned]) -> Callable[..., tuple[list[Any], list[Any]]]:
        def returned(*operands: Any) -> tuple[list[Any], list[Any]]:
            results, record = side(*operands)
            return results, [record[key] if key in record else zeros(key) for key in keys]

        return returned

    index = jnp.asarray(index, jnp.int32)
    results, filled = jax.lax.switch(index, [whole(side) for side in sides], *operands)
    return results, dict(zip(keys, filled, strict=True))


def _where(chosen: jax.Array, a: jax.Array, b: jax.Array) -> jax.Array:
    """Choose between two arrays whose first axes are those of a mask."""
    return jnp.where(chosen.reshape(chosen.shape + (1,) * (a.ndim - chosen.ndim)), a, b)


def _function(program: Program) -> Callable[..., list[Any]]:
    return jaxpr_as_fun(program)  # pyright: ignore[reportArgumentType]


_STRUCTURED: dict[str, Callable[[Item, list[Any], Shifts], Returned]] = {
    "scan": _scan,
    "while": _while,
    "cond": _cond,
}
