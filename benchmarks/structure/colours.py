"""Colours: columns of one colour meet in no row, so that one product tells them all.

A. R. Curtis, M. J. D. Powell, J. K. Reid, On the Estimation of Sparse Jacobian Matrices (1974);
T. F. Coleman, J. J. More (1983); A. H. Gebremedhin, F. Manne, A. Pothen, What Color Is Your
Jacobian? Graph Coloring for Computing Derivatives (2005).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

#: Lattices with up to this many times the fewest possible colours are tried, and one more.
_SPARE = 1.5
#: Colours over the longest row that nothing better is looked for from.
_NEAR = 1.1
#: Rows on which a lattice is tried before it is proved on all.
_SAMPLE = 512
#: Lattices that are tried, at most.
_MOST_TRIED = 2000
#: Bytes that a greedy colouring may take for the colours that each row has seen.
_MOST_BYTES = 500_000_000
#: Entries above which nothing is coloured greedily, and entries between two looks at the clock.
_MOST_GREEDY, _OFTEN = 6_000_000, 100_000


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

    A lattice, on which a colour is a sum of the indices modulo the count, is at or near the fewest
    on grids. Where rows meet one line of a table each, as observations meet cameras, the columns of
    the table have one colour each. Anything else is coloured greedily, the fullest columns first.

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
    found = lattice(rows, shapes, longest)
    if not found or found.count > _NEAR * longest:
        found = ring(rows, shapes, longest) or found
    if found is None and not (tabled and tabled.count <= _NEAR * longest):
        found = greedy(rows, left)
    return min(filter(None, (tabled, found)), key=lambda one: one.count)


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
    rows: csr_array, left: Callable[[], float] = lambda: math.inf, *, saves: float = 0.75
) -> Colouring:
    """Colour the fullest column first, each with the first colour that its rows have not seen.

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
    order = np.argsort(-np.diff(columns.indptr), kind="stable").tolist()
    since = 0
    for column in order[:used]:  # the others have no entry
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


def ring(rows: csr_array, shapes: Sequence[tuple[int, ...]], fewest: int) -> Colouring | None:
    """Colour a line whose ends meet in runs of the fewest colours, and some of one more.

    It is `None` for anything else. No sum modulo a count does where the count does not divide the
    length.

    Example:
        >>> around = sum(np.roll(np.eye(10), step, 1) for step in (-1, 0, 1))
        >>> ring(csr_array(around), [(10,)], 3).colours
        array([0, 1, 2, 0, 1, 2, 0, 1, 2, 3])
    """
    length = rows.shape[1]
    if list(shapes) != [(length,)] or length % fewest > length // (fewest + 1):
        return None
    long = length % fewest
    short = (length - long * (fewest + 1)) // fewest
    runs = [np.tile(np.arange(fewest), short), np.tile(np.arange(fewest + 1), long)]
    found = _used(rows, np.concatenate(runs))
    return found if is_valid(rows, found) else None


def lattice(rows: csr_array, shapes: Sequence[tuple[int, ...]], fewest: int) -> Colouring | None:
    """Colour a grid by a sum of its indices modulo the count, `None` if no sum does.

    Several arrays share the sum, each with an offset of its own.
    """
    axes = max((len(shape) for shape in shapes), default=0)
    if not 1 <= axes <= 3 or len(shapes) > 4 or not rows.nnz:
        return None
    sample, owner, places = _sampled(rows, shapes, axes)
    for count, factors, offsets in islice(_lattices(fewest, axes, len(shapes)), _MOST_TRIED):
        sums = np.asarray(offsets)[owner] + np.asarray(factors) @ places
        if is_valid(sample, Colouring(sums % count, count)):
            found = Colouring(_sums(shapes, factors, offsets) % count, count)
            if is_valid(rows, found):
                return _used(rows, found.colours)
    return None


def _lattices(
    fewest: int, axes: int, arrays: int
) -> Iterator[tuple[int, tuple[int, ...], tuple[int, ...]]]:
    """Yield counts, factors of the indices and offsets of the arrays, the fewest colours first."""
    for count in range(fewest, min(int(fewest * _SPARE) + 1, 64) + 1):
        for factors in product(range(1, max(count, 2)), repeat=axes):
            if axes == 1 or factors[-1] in (1, factors[0]):
                for offsets in product(range(count), repeat=arrays - 1):
                    yield count, factors, (0, *offsets)


def _sums(
    shapes: Sequence[tuple[int, ...]], factors: Sequence[int], offsets: Sequence[int]
) -> np.ndarray:
    """Return the sum of each number's indices, each times its factor, and of its array's offset."""
    parts = []
    for shape, offset in zip(shapes, offsets, strict=True):
        own, total = factors[len(factors) - len(shape) :], np.full((), offset, np.int64)
        for size, factor in zip(shape, own, strict=True):
            total = total[..., None] + factor * np.arange(size)
        parts.append(total.ravel())
    return np.concatenate(parts)


def _sampled(
    rows: csr_array, shapes: Sequence[tuple[int, ...]], axes: int
) -> tuple[csr_array, np.ndarray, np.ndarray]:
    """Return the longest rows and some others, and where the columns of these are.

    Returns:
        The rows with those columns alone, `[k]` the array of each, and `[axes, k]` its indices.
    """
    longest = np.argsort(-np.diff(rows.indptr), kind="stable")[: _SAMPLE // 2]
    spread = np.linspace(0, rows.shape[0] - 1, _SAMPLE // 2).astype(np.int64)
    some = csr_array(rows[np.unique(np.concatenate([longest, spread]))])
    columns, renamed = np.unique(some.indices, return_inverse=True)
    sample = csr_array((some.data, renamed, some.indptr), shape=(some.shape[0], columns.size))
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    owner = np.searchsorted(ends, columns, side="right")
    places = np.zeros((axes, columns.size), np.int64)
    for array, shape in enumerate(shapes):
        mine = np.flatnonzero(owner == array)
        start = ends[array] - math.prod(shape)
        if shape:
            indices = np.unravel_index(columns[mine] - start, shape)
            places[axes - len(shape) :, mine] = np.stack(indices)
    return sample, owner, places


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
