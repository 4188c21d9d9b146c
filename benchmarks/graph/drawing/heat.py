"""An array as a person sees it in a box: up to three numbers, or a map of its signs and sizes."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ..parts import Quantity
from ..words.figures import MOST, short

#: How many rows and columns of cells a map has at most.
ROWS, COLUMNS = 12, 16
#: How many shades there are between zero and the largest number, on either side.
SHADES = 8
#: How a cell is written: zero, shades above zero, shades below zero, and what is no number.
ZERO, ABOVE, BELOW = "0", "abcdefgh", "ABCDEFGH"
NAN, INFINITE, MINUS_INFINITE = "x", "y", "z"


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What is drawn of an array: a text, or a map.

    Attributes:
        text: Up to three numbers; `""` where there is a map.
        cells: A letter for each cell, row by row; `""` where there is a text.
        columns: How many cells a row has.
        range: The smallest and the largest number of the map; `""` where there is a text.
    """

    text: str = ""
    cells: str = ""
    columns: int = 0
    range: str = ""

    @property
    def rows(self) -> int:
        """How many rows of cells the map has."""
        return len(self.cells) // self.columns if self.columns else 0


def sight(array: np.ndarray, *, rows: int = ROWS, columns: int = COLUMNS) -> Sight:
    """Return what is drawn of an array: up to three numbers as text, else a map of block means.

    Args:
        array: The numbers.
        rows: How many rows of cells the map has at most.
        columns: How many columns.

    Example:
        >>> sight(np.array([1.35, -0.2])).text
        '[1.35 −0.2]'
        >>> sight(np.array([[1.0, -1.0], [0.5, np.nan]])).cells
        'hHdx'
    """
    array = np.asarray(array)
    if array.size <= MOST:
        return Sight(text=short(Quantity(array=array)))
    if array.dtype.kind == "c":
        array = np.abs(array)
    means = _blocks(in_rows(array.astype(np.float64)), rows, columns)
    return Sight(cells=_letters(means), columns=means.shape[1], range=short(Quantity(array=array)))


def in_rows(array: np.ndarray) -> np.ndarray:
    """Fold an array to two axes, between those neighbours that make it the most square.

    Example:
        >>> in_rows(np.ones(5)).shape, in_rows(np.ones((8, 28, 28, 1))).shape
        ((1, 5), (224, 28))
    """
    if array.ndim <= 1:
        return array.reshape(1, -1)
    shapes = [
        (int(np.prod(array.shape[:axis])), int(np.prod(array.shape[axis:])))
        for axis in range(1, array.ndim)
    ]
    return array.reshape(min(shapes, key=lambda shape: abs(np.log(shape[0] / shape[1]))))


def _blocks(array: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return the means of at most `rows` by `columns` blocks of nearly one size."""
    for axis, most in ((0, rows), (1, columns)):
        size = array.shape[axis]
        count = min(size, most)
        edges = np.arange(count) * size // count
        with np.errstate(invalid="ignore", over="ignore"):
            sums = np.add.reduceat(array, edges, axis=axis)
        lengths = np.diff(np.append(edges, size))
        array = sums / (lengths[:, None] if axis == 0 else lengths)
    return array


def _letters(means: np.ndarray) -> str:
    finite = np.isfinite(means)
    largest = np.abs(means[finite]).max(initial=0.0)
    return "".join(_letter(value, largest) for value in means.ravel().tolist())


def _letter(value: float, largest: float) -> str:
    """Return the letter of a cell; a number that is not zero is never drawn as one."""
    if value != value:
        return NAN
    if np.isinf(value):
        return INFINITE if value > 0 else MINUS_INFINITE
    if value == 0:
        return ZERO
    shade = min(SHADES, max(1, int(np.ceil(SHADES * abs(value) / largest - 1e-9))))
    return (ABOVE if value > 0 else BELOW)[shade - 1]


def strokes(sight: Sight) -> list[tuple[str, str]]:
    """Return the paths of a map, each a class and its strokes, in units of a cell.

    Above zero a cell is filled, below zero it is a bar like a minus sign, so that a map can be read
    without its colours; a cross is NaN, an arrow up or down an infinity.

    Example:
        >>> strokes(Sight(cells="hhH0x", columns=5))
        [('above s8', 'M0 .5h2'), ('below s8', 'M2.1 .5h.8'), ('broken', 'M4.2 .2l.6.6m0-.6l-.6.6')]
    """
    paths: dict[str, str] = {}
    for row in range(sight.rows):
        line = sight.cells[row * sight.columns : (row + 1) * sight.columns]
        for start, letter, length in _runs(line):
            if letter in _MARKS:
                paths["broken"] = paths.get("broken", "") + "".join(
                    _MARKS[letter].format(x=x, y=row or "") for x in range(start, start + length)
                )
            elif letter in ABOVE:
                kind = f"above s{ABOVE.index(letter) + 1}"
                paths[kind] = paths.get(kind, "") + f"M{start} {row or ''}.5h{length}"
            elif letter in BELOW:
                kind = f"below s{BELOW.index(letter) + 1}"
                bars = "".join(
                    f"M{x or ''}.1 {row or ''}.5h.8" for x in range(start, start + length)
                )
                paths[kind] = paths.get(kind, "") + bars
    return sorted(paths.items())


_MARKS = {
    NAN: "M{x}.2 {y}.2l.6.6m0-.6l-.6.6",
    INFINITE: "M{x}.2 {y}.75l.3-.5l.3.5z",
    MINUS_INFINITE: "M{x}.2 {y}.25l.3.5l.3-.5z",
}


def _runs(line: str) -> Iterator[tuple[int, str, int]]:
    """Yield the start, the letter and the length of each run of one letter."""
    start = 0
    for letter, run in groupby(line):
        length = len(list(run))
        yield start, letter, length
        start += length
