"""Colours: columns of one colour meet in no row, so that one product tells them all.

A. R. Curtis, M. J. D. Powell, J. K. Reid, On the Estimation of Sparse Jacobian Matrices (1974);
T. F. Coleman, J. J. More (1983); A. H. Gebremedhin, F. Manne, A. Pothen, What Color Is Your
Jacobian? Graph Coloring for Computing Derivatives (2005).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from .lattices import on_grid

#: Colours over the longest row that nothing better is looked for from.
_NEAR = 1.1
#: Rows that are asked whether they meet one line of a table each, before all are.
_SAMPLE = 512
#: Bytes that a greedy colouring may take for the colours that each row has seen.
_MOST_BYTES = 500_000_000
#: Entries above which nothing is coloured greedily, and entries between two looks at the clock.
_MOST_GREEDY, _OFTEN = 6_000_000, 100_000
#: Entries above which nothing is coloured greedily as well as in another way.
_MOST_AGAIN = 300_000
#: Pairs of columns that meet, above which nobody counts them.
_MOST_MET = 2_000_000


class Colouring(NamedTuple):
    """A colour for each column of a pattern.

    Attributes:
        colours: `[n]`, from 0; -1 for a column without an entry.
        count: How many colours there are.
    """

    colours: np.ndarray
    count: int  # pyright: ignore[reportIncompatibleMethodOverride]


def colour(
    rows: csr_array,
    shapes: Sequence[tuple[int, ...]] = (),
    left: Callable[[], float] = lambda: math.inf,
) -> Colouring:
    """Colour the columns of a pattern with few colours.

    On grids a colour is a sum of the indices, modulo the count or around a circle, which is at or
    near the fewest, also where the ends of a grid meet. Where rows meet one line of a table each,
    as observations meet cameras, the columns of the table have one colour each. Anything else is
    coloured greedily, the fullest columns first, or those first that meet the most others.

    Args:
        rows: The pattern, `[m, n]`.
        shapes: The shapes of the arrays that the columns are the numbers of.
        left: Tells how many seconds are left; once they are over, each column has its own colour.

    Example:
        >>> three = np.eye(6) + np.eye(6, k=1) + np.eye(6, k=-1)
        >>> colour(csr_array(three), [(6,)]).colours
        array([0, 1, 2, 0, 1, 2])
    """
    longest = int(np.diff(rows.indptr).max(initial=0))
    if longest <= 1:
        return _used(rows, np.zeros(rows.shape[1], np.int64))
    tabled = by_table(rows, shapes, left)
    if tabled and tabled.count == longest:
        return tabled
    proves = lambda colours, count: is_valid(rows, Colouring(colours, count))  # noqa: E731
    grid = on_grid(rows, shapes, longest, proves)
    found = [_used(rows, grid)] if grid is not None else []
    found += [tabled] if tabled else []
    best = min((one.count for one in found), default=math.inf)
    if best > _NEAR * longest and (not found or rows.nnz <= _MOST_AGAIN):
        found.append(greedy(rows, left))
        found += [greedy(rows, left, order=order) for order in _by_neighbours(rows)]
    return min(found, key=lambda one: one.count)


def is_valid(rows: csr_array, colouring: Colouring) -> bool:
    """Whether no two columns of one colour meet in a row, and all that have entries have a colour.

    Time and memory are those of sorting the entries at most.

    Example:
        >>> is_valid(csr_array([[1, 1]]), Colouring(np.array([0, 0]), 1))
        False
    """
    colours, count = colouring.colours[rows.indices], max(colouring.count, 1)
    if colours.min(initial=0) < 0 or colours.max(initial=-1) >= colouring.count:
        return False
    row = np.repeat(np.arange(rows.shape[0], dtype=np.int64), np.diff(rows.indptr))
    places = row * count + colours
    if rows.shape[0] * count <= 8 * rows.nnz + 1024:
        return not rows.nnz or int(np.bincount(places).max()) <= 1
    places.sort()
    return not bool(np.any(places[1:] == places[:-1]))


def greedy(
    rows: csr_array,
    left: Callable[[], float] = lambda: math.inf,
    *,
    saves: float = 0.75,
    order: np.ndarray | None = None,
) -> Colouring:
    """Colour the fullest column first, each with the first colour that its rows have not seen.

    Another order may be given.

    Where that takes too long, or too much memory, each column has a colour of its own, and also
    where it takes more than a share `saves` of as many colours.
    """
    columns: Any = rows.tocsc()
    used = int(np.count_nonzero(np.diff(columns.indptr)))
    most = min(8 * _MOST_BYTES // max(rows.shape[0], 1), int(used * saves))
    if int(np.diff(rows.indptr).max(initial=0)) > most or rows.nnz > _MOST_GREEDY:
        return _apart(rows)
    starts, members = columns.indptr.tolist(), columns.indices.tolist()
    seen = [0] * rows.shape[0]  # of each row its colours, a bit each
    colours = [-1] * rows.shape[1]
    if order is None:
        order = np.argsort(-np.diff(columns.indptr), kind="stable")[:used]  # others have no entry
    since = 0
    for column in order.tolist():
        mine = members[starts[column] : starts[column + 1]]
        since += len(mine)
        if since > _OFTEN:
            since = 0
            if left() < 0:
                return _apart(rows)
        taken = 0
        for row in mine:
            taken |= seen[row]
        bit = ~taken & (taken + 1)
        colours[column] = bit.bit_length() - 1
        if colours[column] > most:
            return _apart(rows)
        for row in mine:
            seen[row] |= bit
    found = np.asarray(colours, np.int64)
    return Colouring(found, int(found.max(initial=-1)) + 1)


def _by_neighbours(rows: csr_array) -> list[np.ndarray]:
    """Return the columns that have entries, those first that meet the most others.

    Nothing is returned where to know that takes long.
    """
    if int((np.diff(rows.indptr).astype(np.int64) ** 2).sum()) > _MOST_MET:
        return []
    ones = csr_array((np.ones(rows.nnz, np.int32), rows.indices, rows.indptr), shape=rows.shape)
    met = np.diff(csr_array(ones.T @ ones).indptr)
    order = np.argsort(-met, kind="stable")
    return [order[: int(np.count_nonzero(met))]]


def _apart(rows: csr_array) -> Colouring:
    """Give each column a colour of its own."""
    return _used(rows, np.arange(rows.shape[1]))


def by_table(
    rows: csr_array,
    shapes: Sequence[tuple[int, ...]],
    left: Callable[[], float] = lambda: math.inf,
) -> Colouring | None:
    """Colour all numbers of a table's column alike, and the columns of all tables greedily.

    It is `None` where no row of the pattern meets one line alone of some array.

    Example:
        >>> lines = csr_array(np.kron(np.eye(3), np.ones((1, 2))))  # a row for each line of [3, 2]
        >>> by_table(lines, [(3, 2)]).colours
        array([0, 1, 0, 1, 0, 1])
    """
    if not _groups(csr_array(rows[:_SAMPLE]), shapes)[1]:  # soon, for most
        return None
    groups, joined = _groups(rows, shapes)
    if not joined:
        return None
    m, count = rows.shape[0], int(groups.max()) + 1
    pattern = csr_array((rows.data, groups[rows.indices], rows.indptr), shape=(m, count))
    # Rows that meet the same columns ask for the same.
    weights = np.random.default_rng(0).integers(1, 2**62, count, dtype=np.uint64)
    filled = np.flatnonzero(np.diff(rows.indptr))
    sums = np.add.reduceat(weights[pattern.indices], rows.indptr[filled])
    kinds = csr_array(pattern[filled[np.unique(sums, return_index=True)[1]]])
    found = Colouring(greedy(kinds, left, saves=1.0).colours[groups], 0)
    return _used(rows, found.colours)


def _groups(rows: csr_array, shapes: Sequence[tuple[int, ...]]) -> tuple[np.ndarray, bool]:
    """Number the columns of the tables that may be joined, and all others one by one.

    An array may be if no row meets two of its lines at one place.
    """
    row_of = np.repeat(np.arange(rows.shape[0], dtype=np.int64), np.diff(rows.indptr))
    groups, start, next_one, joined = [], 0, 0, False
    for size in shapes:
        own, width = math.prod(size), math.prod(size[1:])
        mine = (rows.indices >= start) & (rows.indices < start + own)
        whole = len(size) > 0 and size[0] > 1 and width > 0
        if whole:
            keys = row_of[mine] * width + (rows.indices[mine] - start) % width
            keys.sort()
            whole = not np.any(keys[1:] == keys[:-1])
        names = np.arange(own) % width if whole else np.arange(own)
        groups.append(names + next_one)
        joined, next_one, start = (
            joined or whole,
            next_one + int(names.max(initial=-1)) + 1,
            start + own,
        )
    return np.concatenate([*groups, np.zeros(0, np.int64)]), joined


def _used(rows: csr_array, colours: np.ndarray) -> Colouring:
    """Leave out the columns without an entry, and the colours that are left without a column."""
    has = np.zeros(rows.shape[1], bool)
    has[rows.indices] = True
    named = np.zeros(int(colours.max(initial=-1)) + 1, bool)
    named[colours[has]] = True
    names = np.cumsum(named) - 1
    result = np.full(rows.shape[1], -1, np.int64)
    result[has] = names[colours[has]]
    return Colouring(result, int(named.sum()))
