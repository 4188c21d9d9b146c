"""A sparse matrix, with a part of low rank beside it, times a dense one, in few loops."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..colouring.compressed import at_places
from ..colouring.tables import small


class Terms(NamedTuple):
    """Where the few entries of each row of a sparse matrix are; of each column, of its transpose.

    Attributes:
        places: `[rows, terms]`, which entries they are, past the last where a row has fewer;
            `None` for one a row, in order.
        columns: `[rows, terms]`, their columns; `None` for a diagonal.
    """

    places: np.ndarray | None
    columns: np.ndarray | None


def terms_of(order: np.ndarray, columns: np.ndarray, starts: np.ndarray) -> Terms:
    """Return the entries of each line side by side; `order` says which of all each is."""
    lengths = np.diff(starts)
    ordered = bool(np.all(lengths == 1) and np.array_equal(order, np.arange(order.size)))
    if ordered and np.array_equal(columns, np.arange(columns.size)):
        return Terms(None, None)
    at = starts[:-1, None] + np.arange(lengths.max(initial=1))
    inside = at < starts[1:, None]
    at = np.where(inside, at, 0)
    places = np.where(inside, order[at], order.size)
    return Terms(
        None if ordered else small(places), small(np.where(inside, columns[at], 0).astype(np.int64))
    )


class Factors(NamedTuple):
    """A sparse Jacobian at a point: its entries, and `outer.T @ inner` that is added.

    Attributes:
        numbers: `[nnz]`.
        outer: `[rank, outputs]`.
        inner: `[rank, inputs]`.
        rows: Where the entries of each row are.
        columns: Where those of each column are.
    """

    numbers: jax.Array
    outer: jax.Array
    inner: jax.Array
    rows: Terms
    columns: Terms

    def times(self, matrix: jax.Array) -> jax.Array:
        """Return it times `[inputs, any]`."""
        return _product(self, self.rows, self.inner, self.outer, matrix)

    def after(self, matrix: jax.Array) -> jax.Array:
        """Return `[any, outputs]` times it."""
        return _product(self, self.columns, self.outer, self.inner, matrix.T).T


def _product(
    of: Factors, terms: Terms, narrow: jax.Array, wide: jax.Array, matrix: jax.Array
) -> jax.Array:
    total = _sparse_times(of.numbers, terms, matrix)
    if not narrow.shape[0]:
        return total
    inside = jnp.matmul(narrow, matrix, precision="highest")
    for one, line in zip(wide, inside, strict=True):  # few: no matrix product of so little depth
        total = total + one[:, None] * line[None]
    return total


def _sparse_times(numbers: jax.Array, terms: Terms, matrix: jax.Array) -> jax.Array:
    if terms.columns is None:
        return numbers[:, None] * matrix
    with_zero = jnp.concatenate([numbers, jnp.zeros(1, numbers.dtype)])
    places, columns = terms.places, jnp.asarray(terms.columns)
    at = numbers[:, None] if places is None else at_places(with_zero, places.ravel())
    at = at.reshape(columns.shape)
    total = at[:, 0, None] * matrix[columns[:, 0]]
    for k in range(1, columns.shape[1]):
        total = total + at[:, k, None] * matrix[columns[:, k]]
    return total
