"""The direction of forward mode and the weights of reverse mode, as a user gives them."""

import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ...program.inputs import Inputs, as_array
from ...program.told import described
from ..reading.trace import Traced


def read_tangent(tangent: object, inputs: Inputs) -> tuple[jax.Array, ...]:
    """Return the direction along each array that is differentiated.

    Args:
        tangent: A tuple of the differentiated arguments' structure; of a single argument also that
            of the argument itself. What stands in the place of a leaf that is held fixed, `None`
            among it, is not looked at.
        inputs: The leaves of the arguments.

    Raises:
        ValueError: If it has another structure, or an array in it another shape.
    """
    wanted = inputs.rebuild(inputs.x)
    held = inputs.rebuild(range(len(inputs.x)))
    form = jax.tree.structure(wanted, is_leaf=_is_none)
    if len(inputs.chosen) == 1 and _structure(tangent) == jax.tree.structure(
        wanted[0], is_leaf=_is_none
    ):
        tangent = (tangent,)
    if _structure(tangent) != form:
        raise ValueError(
            "tangent must have the structure of the differentiated arguments, "
            f"{form}, got {_structure(tangent)}"
        )
    given = jax.tree.leaves(tangent, is_leaf=_is_none)
    places = jax.tree.leaves(held, is_leaf=_is_none)
    by_place = {p: leaf for p, leaf in zip(places, given, strict=True) if p is not None}
    names = [inputs.names[place] for place in inputs.wanted]
    leaves = [by_place[place] for place in range(len(inputs.x))]
    return _like(leaves, inputs.x, [f"the tangent of {name}" for name in names])


def read_cotangent(
    cotangent: object, traced: Traced, outputs: Sequence[Any]
) -> tuple[Any, ...] | None:
    """Return the weight of each output; `None` for 1 on each number of each.

    Args:
        cotangent: What is given, of the structure of what the function returns, or `None`.
        traced: The function's program.
        outputs: What has the shape and dtype of each output.

    Raises:
        ValueError: If it has another structure, or an array in it another shape.
    """
    if cotangent is None:
        return None
    if _structure(cotangent) != traced.structure:
        raise ValueError(
            "cotangent must have the structure of what the function returns, "
            f"{traced.structure}, got {_structure(cotangent)}"
        )
    leaves = itertools.compress(jax.tree.leaves(cotangent, is_leaf=_is_none), traced.arrays)
    return _like(list(leaves), outputs, [f"the cotangent of {name}" for name in traced.outputs])


def _is_none(leaf: object) -> bool:
    return leaf is None


def _structure(tree: object) -> Any:
    return jax.tree.structure(tree, is_leaf=_is_none)


def _like(leaves: Sequence[Any], like: Sequence[Any], names: Sequence[str]) -> tuple[Any, ...]:
    found = []
    for leaf, array, name in zip(leaves, like, names, strict=True):
        if not jnp.issubdtype(array.dtype, jnp.inexact):
            found.append(jnp.zeros(array.shape))
            continue
        read: Any = None if leaf is None else as_array(leaf)
        if read is None or read.shape != array.shape:
            got = described(leaf) if read is None else f"shape {read.shape}"
            raise ValueError(f"{name} must have the shape {array.shape}, got {got}")
        found.append(jax.lax.convert_element_type(read, array.dtype))
    return tuple(found)
