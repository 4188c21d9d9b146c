"""Colours: columns of one colour meet in no row, so that one product tells them all.

A. R. Curtis, M. J. D. Powell, J. K. Reid, On the Estimation of Sparse Jacobian Matrices (1974);
T. F. Coleman, J. J. More (1983); A. H. Gebremedhin, F. Manne, A. Pothen, What Color Is Your
Jacobian? Graph Coloring for Computing Derivatives (2005).
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

#: Lattices with up to this many times the fewest possible colours are tried, and one more.
_SPARE = 1.5
#: Rows on which a lattice is tried before it is proved on all.
_SAMPLE = 512
#: How many of the longest rows, or columns, may be taken by themselves, at most.
_MOST_DENSE = 64


class Colouring(NamedTuple):
    """A colour for each column of a pattern.

    Attributes:
        colours: `[n]`, from 0; -1 for a column without an entry.
        count: How many colours there are.
    """

    colours: np.ndarray
    count: int


class Plan(NamedTuple):
    """How a pattern is taken: by forward mode, by reverse mode, or some entries by each.

    Attributes:
        forward: A colour for each column, -1 where forward mode does not take it.
        reverse: A colour for each row, -1 where reverse mode does not take it.
        by_forward: `[nnz]`, whether an entry is read off a product of forward mode.
    """

    forward: Colouring
    reverse: Colouring
    by_forward: np.ndarray

    @property
    def count(self) -> int:
        """How many products there are."""
        return self.forward.count + self.reverse.count

    @property
    def name(self) -> str:
        """What it is called in a table."""
        sides = [("forward", self.forward.count), ("reverse", self.reverse.count)]
        told = [f"{mode}, {count}" for mode, count in sides if count]
        return f"coloured ({' + '.join(told) or 'nothing'})"


def colour(rows: csr_array, shapes: Sequence[tuple[int, ...]] = ()) -> Colouring:
    """Colour the columns of a pattern with few colours.

    A lattice, on which a colour is a sum of the indices modulo the count, is at or near the fewest
    on grids; anything else is coloured greedily, the fullest columns first.

    Args:
        rows: The pattern, `[m, n]`.
        shapes: The shapes of the arrays that the columns are the numbers of.

    Example:
        >>> three = np.eye(6) + np.eye(6, k=1) + np.eye(6, k=-1)
        >>> colour(csr_array(three), [(6,)]).colours
        array([0, 1, 2, 0, 1, 2])
    """
    longest = int(np.diff(rows.indptr).max(initial=0))
    if longest <= 1:
        return _used(rows, np.zeros(rows.shape[1], np.int64))
    return lattice(rows, shapes, longest) or greedy(rows)


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


def greedy(rows: csr_array) -> Colouring:
    """Colour the fullest column first, each with the first colour that its rows have not seen."""
    columns = rows.tocsc()
    starts, members = columns.indptr.tolist(), columns.indices.tolist()
    seen = [0] * rows.shape[0]  # of each row its colours, a bit each
    colours = [-1] * rows.shape[1]
    order = np.argsort(-np.diff(columns.indptr), kind="stable").tolist()
    for column in order:
        mine = members[starts[column] : starts[column + 1]]
        if not mine:
            continue
        taken = 0
        for row in mine:
            taken |= seen[row]
        bit = ~taken & (taken + 1)
        colours[column] = bit.bit_length() - 1
        for row in mine:
            seen[row] |= bit
    found = np.asarray(colours, np.int64)
    return Colouring(found, int(found.max(initial=-1)) + 1)


def lattice(rows: csr_array, shapes: Sequence[tuple[int, ...]], fewest: int) -> Colouring | None:
    """Colour a grid by a sum of its indices modulo the count, `None` if no sum does.

    Several arrays share the sum, each with an offset of its own.
    """
    axes = max((len(shape) for shape in shapes), default=0)
    if not 1 <= axes <= 3 or len(shapes) > 4 or not rows.nnz:
        return None
    indices = [np.indices(shape).reshape(len(shape), -1) for shape in shapes]
    sample = _sampled(rows)
    most = int(fewest * _SPARE) + 1
    for count in range(fewest, min(most, 64) + 1):
        for factors in product(range(1, max(count, 2)), repeat=axes):
            if factors[-1] != 1 and axes > 1 and factors[-1] != factors[0]:
                continue
            for offsets in product(range(count), repeat=len(shapes) - 1):
                found = _sums(indices, factors, (0, *offsets), count)
                if is_valid(sample, found) and is_valid(rows, found):
                    return _used(rows, found.colours)
    return None


def _sums(
    indices: Sequence[np.ndarray], factors: Sequence[int], offsets: Sequence[int], count: int
) -> Colouring:
    parts = []
    for places, offset in zip(indices, offsets, strict=True):
        own = np.asarray(factors[len(factors) - len(places) :], np.int64)
        parts.append((offset + own @ places) % count if len(places) else np.array([offset % count]))
    return Colouring(np.concatenate(parts), count)


def _sampled(rows: csr_array) -> csr_array:
    """Return the longest rows and some others."""
    lengths = np.diff(rows.indptr)
    longest = np.argsort(-lengths, kind="stable")[: _SAMPLE // 2]
    spread = np.linspace(0, rows.shape[0] - 1, _SAMPLE // 2).astype(np.int64)
    return csr_array(rows[np.unique(np.concatenate([longest, spread]))])


def _used(rows: csr_array, colours: np.ndarray) -> Colouring:
    """Leave out the columns without an entry, and the colours that are left without a column."""
    has = np.zeros(rows.shape[1], bool)
    has[rows.indices] = True
    names, renamed = np.unique(colours[has], return_inverse=True)
    result = np.full(rows.shape[1], -1, np.int64)
    result[has] = renamed
    return Colouring(result, len(names))


def plans(
    rows: csr_array,
    inputs: Sequence[tuple[int, ...]] = (),
    outputs: Sequence[tuple[int, ...]] = (),
) -> list[Plan]:
    """Return the ways to take a pattern that may be cheapest: forward, reverse, and both.

    A few full rows are taken by reverse mode where forward mode would need a colour for each of
    their entries, and full columns by forward mode beside the others by reverse mode.

    Args:
        rows: The pattern, `[m, n]`.
        inputs: The shapes of the arrays that the columns are the numbers of.
        outputs: The same of the rows.

    Example:
        >>> arrow = np.eye(9)
        >>> arrow[0] = arrow[:, 0] = 1
        >>> [plan.name for plan in plans(csr_array(arrow))]
        ['coloured (forward, 9)', 'coloured (reverse, 9)', 'coloured (forward, 2 + reverse, 1)']
    """
    across = csr_array(rows.T.tocsr())
    forward, reverse = colour(rows, inputs), colour(across, outputs)
    every = np.ones(rows.nnz, bool)
    found = [
        Plan(forward, _unused(rows.shape[0]), every),
        Plan(_unused(rows.shape[1]), reverse, ~every),
    ]
    row_of = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    both = []
    for full in _full_lines(rows):
        columns, lines = _both(rows, full, inputs)
        both.append(Plan(columns, lines, ~full[row_of]))
    for full in _full_lines(across):
        lines, columns = _both(across, full, outputs)
        both.append(Plan(columns, lines, full[rows.indices]))
    best = min(both, key=lambda plan: plan.count, default=None)
    fewest = min(plan.count for plan in found)
    return [*found, best] if best and best.count < fewest else found


def proves(rows: csr_array, plan: Plan) -> bool:
    """Whether each entry can be read off the product that a plan names for it."""
    row_of = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    sides = (
        (plan.by_forward, row_of, rows.indices, rows.shape, plan.forward),
        (~plan.by_forward, rows.indices, row_of, rows.shape[::-1], plan.reverse),
    )
    for mine, line, across, shape, colouring in sides:
        # All entries of a line that a product touches, for lines of which an entry is read off it.
        asked = np.zeros(shape[0], bool)
        asked[line[mine]] = True
        if np.any(colouring.colours[across[mine]] < 0):
            return False
        touched = asked[line] & (colouring.colours[across] >= 0)
        places = (line[touched], across[touched])
        part = csr_array((np.ones(touched.sum(), np.int8), places), shape=shape)
        counts = csr_array((np.ones(mine.sum(), np.int8), (line[mine], across[mine])), shape=shape)
        if not _alone(part, counts, colouring):
            return False
    return True


def _alone(touched: csr_array, asked: csr_array, colouring: Colouring) -> bool:
    """Whether each entry asked for is the only one of its colour that is touched in its line."""
    count = max(colouring.count, 1)

    def keys(pattern: csr_array) -> np.ndarray:
        line = np.repeat(np.arange(pattern.shape[0], dtype=np.int64), np.diff(pattern.indptr))
        return line * count + colouring.colours[pattern.indices]

    names, times = np.unique(keys(touched), return_counts=True)
    shared = names[times > 1]
    return not np.isin(keys(asked), shared).any()


def _unused(size: int) -> Colouring:
    return Colouring(np.full(size, -1, np.int64), 0)


def _full_lines(rows: csr_array) -> list[np.ndarray]:
    """Return sets of the fullest rows, as masks, that stand out from the others."""
    lengths = np.diff(rows.indptr)
    order = np.argsort(-lengths, kind="stable")[: _MOST_DENSE + 1]
    ordered = lengths[order]
    gaps = [
        place for place in range(1, len(order)) if ordered[place - 1] >= 2 * max(ordered[place], 1)
    ]
    masks = []
    for place in gaps[:4]:
        mask = np.zeros(rows.shape[0], bool)
        mask[order[:place]] = True
        masks.append(mask)
    return masks


def _both(
    rows: csr_array, full: np.ndarray, shapes: Sequence[tuple[int, ...]]
) -> tuple[Colouring, Colouring]:
    """Colour the columns of the other rows, and the full rows by themselves."""
    kept = csr_array(rows[np.flatnonzero(~full)])
    own = colour(csr_array(rows[np.flatnonzero(full)].T.tocsr()))
    lines = np.full(rows.shape[0], -1, np.int64)
    lines[full] = own.colours
    return colour(kept, shapes), Colouring(lines, own.count)
