"""Operations that put numbers into an array, at places that are known or not."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn
from scipy.sparse import csr_array

from ...program.jaxpr import shape
from .marks import Held, Marked, Value, product, take_rows, union, union_of
from .moves import moved


def updated(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Put a block at a place: exactly, or anywhere along the axes in which it may lie."""
    operand, update, *places = operands
    if all(isinstance(place, Held) for place in places):
        return moved(eqn, operands, slice(2, None))
    out = shape(eqn.outvars[0])
    rows = [operand.rows] if isinstance(operand, Marked) else []
    if isinstance(update, Marked):
        axes = [axis for axis, size in enumerate(update.shape) if size != out[axis]]
        merged = update.merged(axes)
        form = [1 if axis in axes else size for axis, size in enumerate(out)]
        rows.append(merged.taken(np.broadcast_to(merged.positions.reshape(form), out)).rows)
    return [Marked(union(rows), out)]


def replaced_at(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Replace numbers at indices: exactly, or any number by any."""
    if isinstance(operands[1], Held):
        return moved(eqn, operands, slice(1, 2))
    return added_at(eqn, operands)


def added_at(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Add updates at indices, or multiply by them."""
    operand, indices, updates = operands
    out = shape(eqn.outvars[0])
    rows = [operand.rows] if isinstance(operand, Marked) else []
    if isinstance(updates, Marked):
        if not isinstance(indices, Held):  # any update may be added to any number
            every = union_of(updates.rows, np.arange(updates.rows.shape[0])[None])
            rows.append(Marked(every, ()).broadcast(out).rows)
        else:
            rows.append(_scattered(eqn, indices.array, updates, math.prod(out)))
    return [Marked(union(rows), out)]


def _scattered(eqn: JaxprEqn, indices: np.ndarray, updates: Marked, size: int) -> csr_array:
    """Return what updates add to each number of the result.

    The transpose of adding is taking: it tells for each update the place to which it is added.
    """
    out = shape(eqn.outvars[0])

    def add(values: jax.Array) -> jax.Array:
        return _sum_at(eqn, jnp.zeros(out, values.dtype), jnp.asarray(indices), values)

    with jax.enable_x64(True):  # float64 holds every place exactly; 0 stands for no place
        pull = jax.vjp(add, jnp.zeros(updates.shape))[1]
        places = np.asarray(pull(jnp.arange(1.0, size + 1).reshape(out))[0], np.int64).ravel()
    target = np.where(places == 0, size, places - 1)
    choice = csr_array(
        (np.ones(target.size, np.int8), (target, np.arange(target.size))),
        shape=(size + 1, target.size),
    )
    return take_rows(product(choice, updates.rows), np.arange(size))


def _sum_at(eqn: JaxprEqn, into: jax.Array, indices: jax.Array, values: jax.Array) -> jax.Array:
    """Add values at the indices of an operation, whatever its types are."""
    params = eqn.params
    return jax.lax.scatter_add(
        into, indices, values, params["dimension_numbers"], mode=params["mode"]
    )
