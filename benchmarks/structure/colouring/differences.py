"""By what the columns are apart that meet in a row of a pattern over grids."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

#: Rows at which differences are looked for, at least and at most, and pairs of their columns.
_SAMPLE, _PAIRS = (64, 512), 200_000


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


def differences(rows: csr_array, shapes: Sequence[tuple[int, ...]]) -> Differences:
    """Return by what the columns are apart that meet in one of some rows.

    Example:
        >>> around = csr_array(sum(np.roll(np.eye(10), step, 1) for step in (0, 2)))
        >>> differences(around, [(10,)])
        Differences(steps=array([[2]]), arrays=array([[0, 0]]), rings=(10,))
    """
    some = csr_array(rows[some_rows(rows)])
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


def some_rows(rows: csr_array) -> np.ndarray:
    """Return the places of the longest rows, the last ones, and others between them."""
    lengths = np.diff(rows.indptr)
    half = int(np.clip(_PAIRS // max(lengths.max(initial=0), 1) ** 2, *_SAMPLE)) // 2
    longest = np.argsort(-lengths, kind="stable")[:half]
    spread = np.linspace(0, rows.shape[0] - 1, half).astype(np.int64)
    last = np.arange(max(rows.shape[0] - half // 4, 0), rows.shape[0])
    return np.unique(np.concatenate([longest, spread, last]))
