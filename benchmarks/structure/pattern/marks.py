"""Values of a walk that asks which of `n` numbers each number of a program may depend on.

A value is `Marked` if it depends on them, `Held` if it is the same whatever the inputs are, and
`OPAQUE` if it depends on other inputs alone, and so is a factor that nothing is known of.
"""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array, vstack

from .held import Held, Opaque

#: Sparse patterns of more entries than this are not composed: about 0.25 GB.
MOST_ENTRIES = 20_000_000
#: Constants larger than this are not looked at for zeros.
MOST_LOOKED_AT = 4_000_000


class TooLargeError(ValueError):
    """A pattern outgrows the limits; the function counts as dense."""


class Marked:
    """An array each of whose numbers depends on some of `n`.

    Attributes:
        rows: `[size, n]`, a row for each number, in row-major order; an entry for each dependence.
        shape: The array's shape.
    """

    def __init__(self, rows: csr_array, shape: tuple[int, ...]) -> None:
        """Make an array of its rows."""
        if rows.nnz > MOST_ENTRIES:
            raise TooLargeError(f"a pattern of {rows.nnz:,} entries")
        self.rows, self.shape = rows, shape

    @property
    def positions(self) -> np.ndarray:
        """The place of each number among the rows, in the array's shape."""
        return np.arange(self.rows.shape[0], dtype=np.int64).reshape(self.shape)

    def taken(self, positions: np.ndarray) -> "Marked":
        """Return the array whose numbers are those at the given places, in their shape."""
        return Marked(take_rows(self.rows, positions.ravel()), positions.shape)

    def merged(self, axes: Sequence[int]) -> "Marked":
        """Return the array with the axes reduced, each number depending on all that were merged."""
        kept = [axis for axis in range(len(self.shape)) if axis not in axes]
        shape = tuple(self.shape[axis] for axis in kept)
        order = np.transpose(self.positions, [*kept, *axes])
        return Marked(union_of(self.rows, order.reshape(int(np.prod(shape)), -1)), shape)

    def smeared(self, axes: Sequence[int]) -> "Marked":
        """Return the array in which all numbers along the axes depend on what any of them does."""
        merged = self.merged(axes)
        kept = [1 if axis in axes else size for axis, size in enumerate(self.shape)]
        positions = np.broadcast_to(merged.positions.reshape(kept), self.shape)
        return merged.taken(positions)

    def broadcast(self, shape: tuple[int, ...]) -> "Marked":
        """Return the array broadcast to a shape, as NumPy does it."""
        if shape == self.shape:
            return self
        return self.taken(np.broadcast_to(self.positions, shape))


Value = Marked | Held | Opaque


def pattern_of(rows: csr_array) -> csr_array:
    """Return a matrix with a 1 for each entry."""
    rows.data = np.ones(rows.nnz, np.int8)
    return rows


def identity(n: int) -> csr_array:
    """Return the pattern in which each number depends on itself."""
    return csr_array(
        (np.ones(n, np.int8), np.arange(n, dtype=np.int32), np.arange(n + 1, dtype=np.int32)),
        shape=(n, n),
    )


def extents(rows: csr_array) -> tuple[int, int]:
    """Return how many rows and columns there are; SciPy's stubs leave it open."""
    return rows.shape[0], rows.shape[1]


def nothing(size: int, n: int) -> csr_array:
    """Return the pattern of numbers that depend on nothing."""
    return csr_array((size, n), dtype=np.int8)


def take_rows(rows: csr_array, positions: np.ndarray) -> csr_array:
    """Return the rows at the given places; a negative place has no entry."""
    if not positions.size:
        return nothing(0, rows.shape[1])
    if positions.min() < 0:
        rows = csr_array(vstack([rows, nothing(1, rows.shape[1])], format="csr"))
        positions = np.where(positions < 0, rows.shape[0] - 1, positions)
    elif positions.size == rows.shape[0] and np.array_equal(positions, np.arange(positions.size)):
        return rows
    lengths = np.diff(rows.indptr)[positions]
    if int(lengths.sum()) > MOST_ENTRIES:
        raise TooLargeError(f"a pattern of {int(lengths.sum()):,} entries")
    return rows[positions]


def union(patterns: Sequence[csr_array]) -> csr_array:
    """Return the entries that any of some patterns of one shape has."""
    total = patterns[0]
    for other in patterns[1:]:
        if other.nnz and other is not total:
            total = pattern_of(csr_array(total + other)) if total.nnz else other
    return total


def union_of(rows: csr_array, groups: np.ndarray) -> csr_array:
    """Return for each group, a line of places among the rows, the entries that any of them has."""
    count, size = groups.shape
    if size == 1:
        return take_rows(rows, groups[:, 0])
    indptr = np.arange(0, count * size + 1, max(size, 1), dtype=np.int64)[: count + 1]
    if not size:
        return nothing(count, rows.shape[1])
    choice = csr_array(
        (np.ones(groups.size, np.int8), groups.ravel(), indptr), shape=(count, rows.shape[0])
    )
    return product(choice, rows)


def product(left: csr_array, right: csr_array) -> csr_array:
    """Return the entries of a product of patterns."""
    reach = int(np.diff(right.indptr)[left.indices].sum(dtype=np.int64)) if left.nnz else 0
    if reach > 4 * MOST_ENTRIES:
        raise TooLargeError(f"a product of patterns with {reach:,} terms")
    return pattern_of(csr_array(_truths(left) @ _truths(right)))


def _truths(pattern: csr_array) -> csr_array:
    """Return a pattern of truth values: sums of these do not overflow, and take least memory."""
    parts = (np.ones(pattern.nnz, bool), pattern.indices, pattern.indptr)
    return csr_array(parts, shape=pattern.shape)
