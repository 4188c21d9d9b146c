"""Arrays that are too large to keep, as the means of blocks."""

import itertools
import math

import jax
import jax.numpy as jnp

#: The most entries of an array that is kept as it is.
LIMIT = 65_536
#: The most rows and columns of blocks.
ROWS, COLUMNS = 12, 16


def is_pooled(shape: tuple[int, ...]) -> bool:
    """Whether an array of a shape is too large to keep."""
    return math.prod(shape) > LIMIT


def pooled_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return how many rows and columns of blocks an array is divided into."""
    rows, columns = _table(shape)
    return min(rows, ROWS), min(columns, COLUMNS)


def pooled(array: jax.Array) -> jax.Array:
    """Return a small array as it is, and of a large one the means of at most 12 by 16 blocks.

    The last axis runs along the columns, all others along the rows; a vector is one row.

    Example:
        >>> pooled(jnp.ones((400, 300))).shape, pooled(jnp.ones((40, 30))).shape
        ((12, 16), (40, 30))
    """
    if not is_pooled(array.shape):
        return array
    if array.dtype == bool or not jnp.issubdtype(array.dtype, jnp.inexact) or array.itemsize < 4:
        array = array.astype(jnp.float32)
    table = array.reshape(_table(array.shape))
    for axis, most in ((0, ROWS), (1, COLUMNS)):
        table = _means(jnp.moveaxis(table, axis, 0), most)
        table = jnp.moveaxis(table, 0, axis)
    return table


def _table(shape: tuple[int, ...]) -> tuple[int, int]:
    return math.prod(shape[:-1]), shape[-1]


def _means(table: jax.Array, most: int) -> jax.Array:
    """Return the means of at most so many runs of rows, whose lengths differ by one at most."""
    rows = table.shape[0]
    if rows <= most:
        return table
    cuts = [block * rows // most for block in range(most + 1)]
    return jnp.stack([table[a:b].mean(axis=0) for a, b in itertools.pairwise(cuts)])
