"""The walk through the program of a derivative along a direction, on components of examples."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn

from ...program.jaxpr import bodies, dtype, kind, names, shape
from ...program.walk import bind, by_content, calls_but, interpret
from ..pattern.held import Held, computed
from .arithmetic import each, linear
from .cells import Cells, Laid, Raw, RefusedError
from .joining import contracted, joined, padded, summed, taken
from .moving import MOVES, moved, moved_places
from .space import Space

#: What makes of one number all over one number all over.
_SAME = names("broadcast_in_dim convert_element_type copy reshape squeeze slice transpose")
_MOST_FORMULAS = 6000
#: What is not walked into: a solve has a rule of its own, and the shares of devices other shapes.
_OWN = names("custom_linear_solve shard_map")
_RULES: dict[str, Callable[[Space, JaxprEqn, Sequence[Any]], Any]] = {
    "concatenate": joined,
    "dot_general": contracted,
    "gather": taken,
    "pad": padded,
    "reduce_sum": summed,
    "stack": joined,
}


def walk(
    space: Space,
    program: ClosedJaxpr,
    x: Sequence[Any],
    fixed: Sequence[Any],
    axes: Sequence[int | None],
) -> list[Any]:
    """Walk a program of inputs, their tangents, and what is held fixed, and return its results.

    Args:
        space: What is made on the way.
        program: The program.
        x: The inputs.
        fixed: What is held fixed.
        axes: The axis of each input that runs along examples; `None` for one that has none.

    Raises:
        RefusedError: If components do not tell what the program does.
    """
    values = [space.input(k, *pair) for k, pair in enumerate(zip(x, axes, strict=True))]
    tangents = list(map(space.tangent, values))
    held = [
        space.raw(leaf.shape, Held(partial(_given, leaf), frozenset({place})))
        for place, leaf in enumerate(fixed)
    ]

    def visit(eqn: JaxprEqn, operands: list[Any], line: str) -> Sequence[Any]:
        del line
        return _visited(space, eqn, operands)

    inside = [*values, *tangents, *held]
    lift = by_content(space.constant)
    return interpret(program, inside, visit, lift=lift, entered=calls_but(_OWN))


def _given(leaf: Any) -> list[Any]:
    """Return the one value of what is held fixed.

    Raises:
        RefusedError: If its shape alone is known.
    """
    if isinstance(leaf, jax.ShapeDtypeStruct):
        raise RefusedError("an index that has no value")
    return [leaf]


def _visited(space: Space, eqn: JaxprEqn, operands: list[Any]) -> Sequence[Any]:
    name = kind(eqn)
    if len(space.formulas.every) > _MOST_FORMULAS:
        raise RefusedError("too many formulas")
    if all(isinstance(operand, Raw) for operand in operands):
        return _raw_results(space, eqn, operands)
    if name == "optimization_barrier":
        return operands
    if any(isinstance(operand, Laid) for operand in operands):
        if name in MOVES or name in ("concatenate", "pad"):
            return [moved_places(eqn, operands)]
        raise RefusedError("tangents are used after they were laid out")
    if name in ("split", "unstack"):
        return _parts(eqn, operands[0])
    if name in _RULES:
        return [_RULES[name](space, eqn, operands)]
    tangents = any(isinstance(o, Cells) and o.linear for o in operands)
    if name in MOVES and (name != "convert_element_type" or tangents):
        if name == "convert_element_type" and dtype(eqn.invars[0]) != dtype(eqn.outvars[0]):
            raise RefusedError("tangents of two types")
        return [moved(eqn, operands[0], space)]
    return [(linear if tangents else each)(space, eqn, operands)]


def _raw_results(space: Space, eqn: JaxprEqn, operands: list[Raw]) -> list[Raw]:
    """Return what is made of arrays that depend on no input; what is written twice is made once."""
    parents = [operand.held for operand in operands]
    bound = frozenset[int]().union(*(operand.bound for operand in operands))

    @cache
    def compute() -> Sequence[Sequence[Any]]:
        if space.looks:
            return computed(eqn, parents)
        return [[value] for value in bind(eqn, [parent.values[0] for parent in parents])]

    def results() -> list[Raw]:
        same = operands[0].same if operands and kind(eqn) in _SAME else None
        return [
            space.raw(shape(v), Held(lambda k=k: compute()[k], bound, parents), same)
            for k, v in enumerate(eqn.outvars)
        ]

    params = tuple(sorted((name, str(value)) for name, value in eqn.params.items()))
    key = (eqn.primitive, params, *(operand.key for operand in operands))
    return space.once(key, results) if not bodies(eqn) else results()


def _parts(eqn: JaxprEqn, value: Cells) -> list[Cells]:
    """Return the parts of an array, along another axis than that of the examples."""
    axis = eqn.params["axis"]
    if axis == value.axis:
        raise RefusedError("parts of a batch")
    sizes = eqn.params.get("sizes") or [1] * len(eqn.outvars)
    parts = np.split(value.ids, np.cumsum(sizes)[:-1], axis)
    if kind(eqn) == "split":
        return list(map(value.of, parts))
    new = None if value.axis is None else value.axis - (axis < value.axis)
    return [value.of(part.squeeze(axis), new) for part in parts]
