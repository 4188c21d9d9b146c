"""Sums over windows: convolutions and pools, as the places that each window takes from."""

from collections.abc import Iterator, Sequence
from itertools import product as combinations
from typing import NamedTuple

import numpy as np


class Window(NamedTuple):
    """How windows lie on an array, axis by axis.

    Attributes:
        sizes: Of the window.
        strides: From one window to the next.
        padding: Before and behind the array; only the first is asked for.
        base: Dilation of the array.
        dilation: Dilation of the window.
    """

    sizes: Sequence[int]
    strides: Sequence[int]
    padding: Sequence[tuple[int, int]]
    base: Sequence[int]
    dilation: Sequence[int]


def places_in_windows(
    inside: Sequence[int], outside: Sequence[int], window: Window
) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """Yield each offset in the window, and for each window the place of the number there.

    Args:
        inside: The array's shape.
        outside: How many windows there are along each axis.
        window: How they lie.

    Returns:
        Flat places in the array, in the shape of `outside`; -1 where there is none.
    """
    for offset in combinations(*map(range, window.sizes)):
        axes = [
            _along(inside[axis], outside[axis], window, axis, offset[axis])
            for axis in range(len(offset))
        ]
        flat = np.zeros(tuple(outside), np.int64)
        missing = np.zeros(tuple(outside), bool)
        for axis, places in enumerate(axes):
            form = [1] * len(axes)
            form[axis] = -1
            flat = flat * inside[axis] + np.maximum(places, 0).reshape(form)
            missing |= (places < 0).reshape(form)
        yield offset, np.where(missing, -1, flat)


def _along(size: int, count: int, window: Window, axis: int, offset: int) -> np.ndarray:
    """Return the place that each window along an axis takes at an offset, -1 for none."""
    start = np.arange(count) * window.strides[axis] - window.padding[axis][0]
    place = start + offset * window.dilation[axis]
    step = window.base[axis]
    there = (place >= 0) & (place % step == 0) & (place // step < size)
    return np.where(there, place // step, -1)
