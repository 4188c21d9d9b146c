"""Sums of products: what products of matrices, and solves with them, make of marks."""

import math
from collections.abc import Sequence

import numpy as np
from jax.extend.core import JaxprEqn
from scipy.sparse import csr_array, kron

from ...program.jaxpr import shape
from .marks import (
    MOST_ENTRIES,
    MOST_LOOKED_AT,
    Held,
    Marked,
    Value,
    identity,
    product,
    take_rows,
    union_of,
)
from .mixing import mixed

#: A constant matrix of more than this share of nonzeros counts as full.
_FULL = 0.5


def dot(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Multiply matrices: a number depends on the marked line that it sums over."""
    side = 0 if isinstance(operands[0], Marked) else 1
    own, other = operands[side], operands[1 - side]
    assert isinstance(own, Marked)
    contracted, batched = eqn.params["dimension_numbers"]
    sums, batch = list(contracted[side]), list(batched[side])
    free = [a for a in range(len(own.shape)) if a not in sums and a not in batch]
    other_shape = shape(eqn.invars[1 - side])
    used = {*contracted[1 - side], *batched[1 - side]}
    far = [a for a in range(len(other_shape)) if a not in used]
    form = [[own.shape[a] for a in axes] for axes in (batch, free, sums)]
    sizes = [math.prod(axes) for axes in form]
    beyond = math.prod(other_shape[a] for a in far)
    lines = np.transpose(own.positions, [*batch, *free, *sums]).reshape(-1, sizes[2])
    matrix = None if batch else _sparse(other, [*far, *contracted[1 - side]], (beyond, sizes[2]))
    if matrix is not None and matrix.nnz * sizes[1] <= MOST_ENTRIES:
        choice = kron(identity(sizes[1]), matrix, format="csr")
        rows = product(csr_array(choice), take_rows(own.rows, lines.ravel()))
    else:
        merged = union_of(own.rows, lines)
        rows = take_rows(merged, np.repeat(np.arange(merged.shape[0]), beyond))
    # Now in the order batch, free, far; the result has the left operand's axes before the right's.
    places = np.arange(rows.shape[0]).reshape(sizes[0], sizes[1], beyond)
    if side == 1:
        places = places.swapaxes(1, 2)
    return [Marked(take_rows(rows, places.ravel()), shape(eqn.outvars[0]))]


def _sparse(value: Value, order: list[int], form: tuple[int, int]) -> csr_array | None:
    """Return where a constant matrix is not zero; `None` if it is almost everywhere, or unknown."""
    if not isinstance(value, Held) or not 0 < math.prod(form) <= MOST_LOOKED_AT:
        return None
    matrix = np.transpose(value.array, order).reshape(form) != 0
    return csr_array(matrix.astype(np.int8)) if matrix.mean() < _FULL else None


def solved(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Solve with matrices: the numbers of one right-hand side mix, and those of others do not."""
    right = operands[1]
    if not isinstance(right, Marked):
        return mixed(eqn, operands)
    axis = len(right.shape) - (2 if eqn.params["left_side"] else 1)
    return [right.smeared([axis])]
