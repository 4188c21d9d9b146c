"""Values of a program component by component: which axis runs along examples, and what is where."""

from typing import Any, NamedTuple

import numpy as np

from ..pattern.held import Held

#: Components of one value, at most.
MOST = 4096
#: Axes up to this length are taken number by number.
FEW = 4


class RefusedError(Exception):
    """The program is not one of components of examples."""


class Raw:
    """An array that depends on no input that is differentiated by; it is computed if asked for.

    Attributes:
        key: Its number among others.
        shape: Its shape.
        held: Its values: as the program computes them, and rounded up and down if they are.
        same: The number that it is all over, if that is known.
    """

    def __init__(
        self, key: int, shape: tuple[int, ...], held: Held, same: float | None = None
    ) -> None:
        """Hold what computes it."""
        self.key, self.shape, self.held, self.same = key, shape, held, same

    @property
    def bound(self) -> frozenset[int]:
        """The places of the fixed arguments that its values depend on."""
        return self.held.bound

    @property
    def value(self) -> Any:
        """The array."""
        return self.held.values[0]

    @property
    def hangs_on_rounding(self) -> bool:
        """Whether it may be another array in another precision."""
        return len(self.held.values) > 1 and any(
            self.held.rounded(side) is not self.held for side in (1, 2)
        )


class Cells(NamedTuple):
    """A value whose components are formulas, or nodes of a graph of tangents.

    Attributes:
        ids: The components, in the value's shape with one instead of the length along the axis.
        axis: The axis that runs along examples; `None` for none.
        length: How many examples there are; `None` for none.
        linear: Whether they are tangents.
    """

    ids: np.ndarray
    axis: int | None
    length: int | None
    linear: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        sizes = list(self.ids.shape)
        if self.axis is not None and self.length is not None:
            sizes[self.axis] = self.length
        return tuple(sizes)

    def of(self, ids: np.ndarray, axis: int | None = None) -> "Cells":
        """Return the same with other components, and along another axis if one is given."""
        if ids.size > MOST:
            raise RefusedError("too many components")
        axis = self.axis if axis is None else axis
        return self._replace(ids=ids, axis=axis)


class Laid(NamedTuple):
    """Tangents that were put side by side, or whose examples are no longer along one axis.

    Attributes:
        parts: What they are of.
        places: Where each number is in these, one part after the other, from 1 on; 0 for zero.
    """

    parts: tuple[Cells, ...]
    places: np.ndarray


def laid(value: Any) -> Laid:
    """Return tangents as such whose numbers are all in their places.

    Example:
        >>> laid(Cells(np.array([[7, 8]]), 0, 3, True)).places.tolist()
        [[1, 2], [3, 4], [5, 6]]
    """
    if isinstance(value, Laid):
        return value
    if isinstance(value, Raw):
        if value.same != 0:
            raise RefusedError("what is put beside tangents is not zero")
        return Laid((), np.zeros(value.shape, np.int64))
    return Laid((value,), 1 + np.arange(np.prod(value.shape, dtype=int)).reshape(value.shape))


def beside(values: list[Laid]) -> tuple[tuple[Cells, ...], list[np.ndarray]]:
    """Return the parts of all, and the places of each among these."""
    parts: list[Cells] = []
    places, start = [], 0
    for value in values:
        places.append(np.where(value.places == 0, 0, value.places + start))
        parts += value.parts
        start += sum(int(np.prod(part.shape)) for part in value.parts)
    return tuple(parts), places


def along(ids: np.ndarray, axis: int) -> np.ndarray:
    """Return components that are the same all along an axis as one there."""
    one = ids.take([0], axis)
    if not np.all(ids == one):
        raise RefusedError("examples are not treated alike")
    return one
