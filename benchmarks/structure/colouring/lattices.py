"""Colours of grids: a colour is a sum of the indices, modulo a count or around a circle.

Columns that meet in a row are apart by one of a few differences of indices, the same all over the
grid. A sum of the indices modulo the count tells them apart wherever it is zero for no difference.
On a grid whose ends meet, the sum must also be the same after a turn, which no count may allow. Its
turns are then of whole windings around a circle, which is cut into as many arcs as the nearest two
columns that meet are apart by: on a line of 601 numbers whose rows are of 4, a number is at the
angle of 150 / 601 times its place, and the arcs are five. (These are the circular colourings of A.
Vince, Star Chromatic Number, 1988.)
"""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from ..pattern.marks import extents

#: Counts up to this many times the fewest possible are tried, and at most so many.
_SPARE, _MOST = 1.5, 64
#: Rows at which differences are looked for, at least and at most, and pairs of their columns.
_SAMPLE, _PAIRS = (64, 512), 200_000
#: The most entries of such a row.
_LONGEST = 64
#: Numbers that a search may compute for one count.
_MOST_NUMBERS = 2_000_000
#: Sums that are looked at closely for one count, and colourings that are proved on all rows.
_CLOSELY, _PROVED = 64, 6
#: Axes and arrays at most.
_AXES, _ARRAYS = 4, 6
#: What lies this little before the start of an arc belongs to it.
_ROUNDING = 1e-9


class Differences(NamedTuple):
    """By what the columns that meet in a row are apart.

    Attributes:
        steps: `[d, axes]`, the differences of their indices, the last axis the last.
        arrays: `[d, 2]`, the arrays that the columns are of.
        rings: For each axis how long it is, if its ends meet; 0 for others.
    """

    steps: np.ndarray
    arrays: np.ndarray
    rings: tuple[int, ...]


class Sum(NamedTuple):
    """Turns around a circle: so many for a step along each axis, and for each array.

    Attributes:
        count: Into how many arcs the circle is cut.
        slopes: `[axes]`.
        offsets: `[arrays]`.
    """

    count: int  # pyright: ignore[reportIncompatibleMethodOverride]
    slopes: np.ndarray
    offsets: np.ndarray


def on_grid(
    rows: csr_array,
    shapes: Sequence[tuple[int, ...]],
    fewest: int,
    proves: Callable[[np.ndarray, int], bool],
) -> np.ndarray | None:
    """Colour the columns of arrays that are grids; `None` where no sum of indices does.

    Args:
        rows: The pattern.
        shapes: The shapes of the arrays that the columns are the numbers of.
        fewest: The entries of the longest row.
        proves: Whether colours and their count are right, on all rows.

    Example:
        >>> around = csr_array(sum(np.roll(np.eye(10), step, 1) for step in (-1, 0, 1)))
        >>> on_grid(around, [(10,)], 3, lambda colours, count: count == 4)
        array([0, 1, 2, 3, 0, 2, 3, 0, 1, 2])
    """
    best, proved = None, 0
    for form in _forms(rows, shapes, fewest):
        most = min(int(fewest * _SPARE), _MOST) if best is None else int(best.max())
        for one in _sums(differences(rows, form), len(form), fewest, most):
            colours = _colours(form, one)
            proved += 1
            if proves(colours, one.count):
                best = colours
                break
            if proved >= _PROVED:
                return best
        if best is not None and int(best.max()) < fewest:
            break
    return best


def _forms(
    rows: csr_array, shapes: Sequence[tuple[int, ...]], fewest: int
) -> Iterator[list[tuple[int, ...]]]:
    """Yield the shapes, and where there is one vector alone that of the grid that it is made of."""
    axes = max((len(shape) for shape in shapes), default=0)
    if not 1 <= axes <= _AXES or len(shapes) > _ARRAYS or not rows.nnz or fewest > _LONGEST:
        return
    grid = _grid(rows) if list(map(len, shapes)) == [1] else ()
    if len(grid) > 1:
        yield [grid]
    yield list(shapes)


def _grid(rows: csr_array) -> tuple[int, ...]:
    """Return the shape of a grid that was made a vector, by the diagonals that are nearly full."""
    m, n = extents(rows)
    if m != n:
        return ()
    some = csr_array(rows[_some(rows)])
    row_of = np.repeat(_some(rows), np.diff(some.indptr))
    steps, times = np.unique(np.abs(some.indices - row_of), return_counts=True)
    steps = steps[(times * 2 > some.shape[0]) & (steps > 1)]
    strides = [1]
    for step in steps.tolist():
        if step % strides[-1] == 0 and n % step == 0:
            strides.append(step)
    strides.append(n)
    sizes = [above // below for below, above in pairwise(strides)]
    return tuple(reversed(sizes)) if len(sizes) <= _AXES else ()


def _some(rows: csr_array) -> np.ndarray:
    """Return the places of the longest rows, the last ones, and others between them."""
    lengths = np.diff(rows.indptr)
    half = int(np.clip(_PAIRS // max(lengths.max(initial=0), 1) ** 2, *_SAMPLE)) // 2
    longest = np.argsort(-lengths, kind="stable")[:half]
    spread = np.linspace(0, rows.shape[0] - 1, half).astype(np.int64)
    last = np.arange(max(rows.shape[0] - half // 4, 0), rows.shape[0])
    return np.unique(np.concatenate([longest, spread, last]))


def differences(rows: csr_array, shapes: Sequence[tuple[int, ...]]) -> Differences:
    """Return by what the columns are apart that meet in one of some rows.

    Example:
        >>> around = csr_array(sum(np.roll(np.eye(10), step, 1) for step in (0, 2)))
        >>> differences(around, [(10,)])
        Differences(steps=array([[2]]), arrays=array([[0, 0]]), rings=(10,))
    """
    some = csr_array(rows[_some(rows)])
    some.sort_indices()
    row_of = np.repeat(np.arange(some.shape[0]), np.diff(some.indptr))
    owner, places = _places(some.indices, shapes)
    keys = [np.zeros((0, places.shape[1] + 2), np.int64)]
    for lag in range(1, int(np.diff(some.indptr).max(initial=1))):
        both = np.flatnonzero(row_of[lag:] == row_of[:-lag])
        keys.append(np.c_[places[both + lag] - places[both], owner[both], owner[both + lag]])
    whole = _distinct(np.concatenate(keys))
    steps, arrays = whole[:, :-2], whole[:, -2:]
    sizes = shapes[0] if len(set(shapes)) == 1 else (0,) * places.shape[1]
    far = 2 * np.abs(steps).max(axis=0, initial=0)
    rings = tuple(size * int(size < reach) for size, reach in zip(sizes, far.tolist(), strict=True))
    for axis, size in enumerate(rings):
        if size:
            steps[:, axis] = (steps[:, axis] + size // 2) % size - size // 2
    # A step and the one back are told apart by the same sums.
    first = np.argmax(steps != 0, axis=1)
    back = (steps[np.arange(len(steps)), first] < 0) & (arrays[:, 0] == arrays[:, 1])
    steps[back] *= -1
    whole = _distinct(np.c_[steps, arrays])
    return Differences(whole[:, :-2], whole[:, -2:], rings)


def _distinct(lines: np.ndarray) -> np.ndarray:
    """Return the distinct lines, by one number for each, which is found much sooner."""
    low = lines.min(axis=0, initial=0)
    spans = lines.max(axis=0, initial=0) - low + 1
    if math.prod(spans.tolist()) > np.iinfo(np.int64).max:
        return np.unique(lines, axis=0)
    keys = np.ravel_multi_index(tuple((lines - low).T), tuple(spans.tolist()))
    return lines[np.unique(keys, return_index=True)[1]]


def _places(
    columns: np.ndarray, shapes: Sequence[tuple[int, ...]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the array of each column, `[k]`, and its indices there, `[k, axes]`."""
    axes = max(map(len, shapes))
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    owner = np.searchsorted(ends, columns, side="right")
    places = np.zeros((columns.size, axes), np.int64)
    for array, shape in enumerate(shapes):
        mine = np.flatnonzero(owner == array)
        if shape:
            indices = np.unravel_index(columns[mine] - (ends[array] - math.prod(shape)), shape)
            places[mine, axes - len(shape) :] = np.stack(indices, axis=1)
    return owner, places


def _sums(found: Differences, arrays: int, fewest: int, most: int) -> Iterator[Sum]:
    """Yield sums that tell what is apart, those of the fewest arcs first."""
    around = []
    for count in range(fewest, most + 1):
        yield from sorted((one for one in around if one.count == count), key=_by_count)
        for one in _lattices(found, arrays, count):
            closed = list(_closed(found, one, most)) if any(found.rings) else [one]
            yield from (each for each in closed if each.count == count)
            around += [each for each in closed if each.count > count]
        around = sorted(around, key=_by_count)[:_CLOSELY]


def _by_count(one: Sum) -> int:
    return one.count


def _lattices(found: Differences, arrays: int, count: int) -> Iterator[Sum]:
    """Yield the sums modulo a count that are zero for no difference, whatever ends meet."""
    axes = found.steps.shape[1]
    # A sum times what has an inverse modulo the count tells the same apart.
    last = [factor for factor in range(count) if count % max(factor, 1) == 0]
    if len(last) * count ** (axes - 1) * len(found.steps) > _MOST_NUMBERS:
        return
    factors = np.array(list(product(*[range(count)] * (axes - 1), last)))
    same = found.arrays[:, 0] == found.arrays[:, 1]
    factors = factors[np.all((factors @ found.steps[same].T) % count, axis=1)]
    for one in factors[:_CLOSELY]:
        offsets = _offsets(found, one, arrays, count)
        if offsets is not None:
            yield Sum(count, one / count, np.array(offsets) / count)


def _offsets(found: Differences, factors: np.ndarray, arrays: int, count: int) -> list[int] | None:
    """Return for each array the first offset by which it is apart from those before it."""
    offsets = [0]
    sums = found.steps @ factors
    for array in range(1, arrays):
        mine = (found.arrays[:, 1] == array) & (found.arrays[:, 0] < array)
        taken = np.array(offsets)[found.arrays[mine, 0]] - sums[mine]
        free = set(range(count)) - set((taken % count).tolist())
        if not free:
            return None
        offsets.append(_middle(free, count))
    return offsets


def _middle(free: set[int], count: int) -> int:
    """Return the free offset that is farthest from those that are taken, so that it may move."""
    taken = set(range(count)) - free

    def room(offset: int) -> int:
        return min((min((offset - o) % count, (o - offset) % count) for o in taken), default=count)

    return max(sorted(free), key=room)


def _closed(found: Differences, one: Sum, most: int) -> Iterator[Sum]:
    """Yield a sum near another one that is the same after a turn around each ring, the best."""
    choices = []
    for slope, ring in zip(one.slopes, found.rings, strict=True):
        near = round(slope * ring)
        choices.append([(near + by) / ring for by in (-1, 0, 1)] if ring else [slope])
    slopes = np.array(list(product(*choices)))
    sums = slopes @ found.steps.T + (
        one.offsets[found.arrays[:, 1]] - one.offsets[found.arrays[:, 0]]
    )
    nearest = np.abs(sums - np.round(sums)).min(axis=1, initial=1.0)
    best = int(np.argmax(nearest))
    if nearest[best] * (most + _ROUNDING) >= 1:
        count = math.ceil(1 / nearest[best] - _ROUNDING)
        yield Sum(count, slopes[best], one.offsets)


def _colours(shapes: Sequence[tuple[int, ...]], one: Sum) -> np.ndarray:
    """Return the arc that each column is on."""
    parts = []
    for shape, offset in zip(shapes, one.offsets, strict=True):
        turns = np.full((), offset)
        for size, slope in zip(shape, one.slopes[len(one.slopes) - len(shape) :], strict=True):
            turns = turns[..., None] + (slope * np.arange(size)) % 1.0
        parts.append((np.floor(turns * one.count + _ROUNDING).astype(np.int64) % one.count).ravel())
    return np.concatenate(parts)
