"""Sums of indices that tell columns apart: modulo a count, or around a circle."""

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from .differences import Differences

#: Numbers that a search may compute for one count.
_MOST_NUMBERS = 2_000_000
#: Sums that are looked at closely for one count.
_CLOSELY = 64
#: What lies this little before the start of an arc belongs to it.
_ROUNDING = 1e-9


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


def sums(found: Differences, arrays: int, fewest: int, most: int) -> Iterator[Sum]:
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
    turns = found.steps @ factors
    for array in range(1, arrays):
        mine = (found.arrays[:, 1] == array) & (found.arrays[:, 0] < array)
        taken = np.array(offsets)[found.arrays[mine, 0]] - turns[mine]
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
    turns = slopes @ found.steps.T + (
        one.offsets[found.arrays[:, 1]] - one.offsets[found.arrays[:, 0]]
    )
    nearest = np.abs(turns - np.round(turns)).min(axis=1, initial=1.0)
    best = int(np.argmax(nearest))
    if nearest[best] * (most + _ROUNDING) >= 1:
        count = math.ceil(1 / nearest[best] - _ROUNDING)
        yield Sum(count, slopes[best], one.offsets)


def colours_of(shapes: Sequence[tuple[int, ...]], one: Sum) -> np.ndarray:
    """Return the arc that each column is on."""
    parts = []
    for shape, offset in zip(shapes, one.offsets, strict=True):
        turns = np.full((), offset)
        for size, slope in zip(shape, one.slopes[len(one.slopes) - len(shape) :], strict=True):
            turns = turns[..., None] + (slope * np.arange(size)) % 1.0
        parts.append((np.floor(turns * one.count + _ROUNDING).astype(np.int64) % one.count).ravel())
    return np.concatenate(parts)
