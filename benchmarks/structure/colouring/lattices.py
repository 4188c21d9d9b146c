"""Colours of grids: a colour is a sum of the indices, modulo a count or around a circle.

Columns that meet in a row are apart by one of a few differences of indices, the same all over the
grid. A sum of the indices modulo the count tells them apart wherever it is zero for no difference.
On a grid whose ends meet, the sum must also be the same after a turn, which no count may allow. Its
turns are then of whole windings around a circle, which is cut into as many arcs as the nearest two
columns that meet are apart by: on a line of 601 numbers whose rows are of 4, a number is at the
angle of 150 / 601 times its place, and the arcs are five. (These are the circular colourings of A.
Vince, Star Chromatic Number, 1988.)
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from ..pattern.marks import extents
from .differences import differences, some_rows
from .sums import colours_of, sums

#: Counts up to this many times the fewest possible are tried, and at most so many.
_SPARE, _MOST = 1.5, 64
#: The most entries of a row at which differences are looked for.
_LONGEST = 64
#: Colourings that are proved on all rows.
_PROVED = 6
#: Axes and arrays at most.
_AXES, _ARRAYS = 4, 6


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
        for one in sums(differences(rows, form), len(form), fewest, most):
            colours = colours_of(form, one)
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
    some = csr_array(rows[some_rows(rows)])
    row_of = np.repeat(some_rows(rows), np.diff(some.indptr))
    steps, times = np.unique(np.abs(some.indices - row_of), return_counts=True)
    steps = steps[(times * 2 > some.shape[0]) & (steps > 1)]
    strides = [1]
    for step in steps.tolist():
        if step % strides[-1] == 0 and n % step == 0:
            strides.append(step)
    strides.append(n)
    sizes = [above // below for below, above in pairwise(strides)]
    return tuple(reversed(sizes)) if len(sizes) <= _AXES else ()
