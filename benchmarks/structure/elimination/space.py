"""What a walk on components has made so far, and how values are brought to components."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ..pattern.held import Held, held
from .cells import MOST, Cells, Raw, RefusedError, along
from .formulas import Formulas
from .slopes import ZERO, Slopes

#: Arrays with longer axes are no components of single numbers.
_LONG = 64


class Space:
    """Formulas, tangents, and arrays that depend on no input.

    Attributes:
        dtype: The type of all floats.
        formulas: What the components of values are.
        slopes: What the components of tangents are.
        raws: The arrays that depend on no input, by their keys.
        bound: The places of the fixed arguments whose values have decided on places.
        looks: Whether what is held fixed has values, such as indices.
    """

    def __init__(self, dtype: Any, *, looks: bool) -> None:
        """Start with nothing.

        Args:
            dtype: The type of all inputs and outputs.
            looks: Whether what is held fixed has values.
        """
        self.dtype = dtype
        self.formulas = Formulas()
        self.slopes = Slopes(self.formulas)
        self.raws: list[Raw] = []
        self.bound: set[int] = set()
        self._once: dict[Any, Any] = {}
        self.looks = looks

    def raw(self, size: tuple[int, ...], held: Held, same: float | None = None) -> Raw:
        """Return an array that depends on no input."""
        self.raws.append(Raw(len(self.raws), size, held, same))
        return self.raws[-1]

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what is known by a key, made if it is not yet."""
        if key not in self._once:
            self._once[key] = make()
        return self._once[key]

    def input(self, place: int, leaf: Any, axis: int | None) -> Cells:
        """Return an input as components."""
        sizes, length = _without(leaf.shape, axis)
        ids = [self.formulas.leaf(place, k, length) for k in range(_count(sizes))]
        return Cells(np.array(ids, int).reshape(sizes), axis, length, False)

    def tangent(self, cells: Cells) -> Cells:
        """Return the tangent of an input."""
        nodes = [self.slopes.input(cells.length) for _ in range(cells.ids.size)]
        return cells._replace(ids=np.array(nodes, int).reshape(cells.ids.shape), linear=True)

    def constant(self, value: Any) -> Raw:
        """Return a number or an array that the program holds."""
        single = np.ndim(value) == 0 and not isinstance(value, jax.Array)
        key = (repr(np.asarray(value)), jnp.result_type(value)) if single else id(value)
        return self.once(("constant", key), partial(self._constant, value))

    def _constant(self, value: Any) -> Raw:
        single = np.ndim(value) == 0 and not isinstance(value, Tracer)
        floats = single and jnp.issubdtype(jnp.result_type(value), jnp.floating)
        return self.raw(np.shape(value), held(value), float(value) if floats else None)

    def cells(self, value: Any, axis: int | None, length: int | None) -> Cells:
        """Return a value as components along an axis."""
        if isinstance(value, Cells):
            if value.axis == axis or axis is None or not value.ids.ndim:
                return value
            if value.axis is not None:
                raise RefusedError("examples along two axes")
            return Cells(along(value.ids, axis), axis, length, value.linear)
        if not value.shape:
            axis = length = None
        sizes, own = _without(value.shape, axis)
        if own != length:
            raise RefusedError("another length")
        if axis is None and max(sizes, default=0) > _LONG:
            raise RefusedError("a long array beside components")
        if value.same is not None:
            return Cells(np.full(sizes, self.formulas.number(value.same)), axis, length, False)
        ids = [self.formulas.raw(value.key, axis, k, length) for k in range(_count(sizes))]
        return Cells(np.array(ids, int).reshape(sizes), axis, length, False)

    def together(self, operands: Sequence[Any]) -> list[Cells]:
        """Return operands as components along one axis."""
        cells = [o for o in operands if isinstance(o, Cells) and o.axis is not None]
        axis, length = (cells[0].axis, cells[0].length) if cells else (None, None)
        if any((o.axis, o.length) != (axis, length) for o in cells):
            raise RefusedError("examples along two axes")
        return [self.cells(operand, axis, length) for operand in operands]

    def as_tangent(self, cells: Cells) -> Cells:
        """Return zeros as a tangent; others stay as they are."""
        if cells.linear:
            return cells
        if np.any(cells.ids != self.formulas.number(0.0)):
            raise RefusedError("a tangent that no direction changes")
        return cells._replace(ids=np.full(cells.ids.shape, ZERO), linear=True)

    def take(self, cells: Cells, index: int) -> np.ndarray:
        """Return all components at an index."""
        read = self._tangent_at if cells.linear else self.formulas.take
        ids = [read(int(place), index) for place in cells.ids.ravel()]
        return np.array(ids, int).reshape(cells.ids.shape)

    def _tangent_at(self, node: int, index: int) -> int:
        if node == ZERO:
            return ZERO
        own, (what, _, length) = self.slopes.lengths[node], self.formulas.every[index]
        if own is None:
            return node
        one = self.formulas.number(1.0)
        same = what == ("line", 0, 1) and own == length
        return self.slopes.total([(node, None if same else index, one)], length)

    def total(self, terms: np.ndarray, like: Cells) -> np.ndarray:
        """Return the sums of components along the last axis."""
        return self.dot(terms, np.full(terms.shape, self.formulas.number(1.0)), like)

    def dot(self, terms: np.ndarray, factors: np.ndarray, like: Cells) -> np.ndarray:
        """Return the sums along the last axis of components times formulas."""
        terms, factors = np.broadcast_arrays(terms, factors)
        sums = np.empty(terms.shape[:-1], int)
        for place in np.ndindex(sums.shape):
            pairs = list(zip(terms[place].tolist(), factors[place].tolist(), strict=True))
            if like.linear:
                length = self.formulas.length(*(w for _, w in pairs))
                lengths = [self.slopes.lengths[t] for t, _ in pairs if t != ZERO]
                length = next((n for n in (length, *lengths) if n is not None), None)
                sums[place] = self.slopes.total([(t, None, w) for t, w in pairs], length)
            else:
                sums[place] = self.formulas.sum([self.formulas.mul(*pair) for pair in pairs])
        return sums


def _without(sizes: Sequence[int], axis: int | None) -> tuple[list[int], int | None]:
    """Return a shape with one along an axis, and its length there."""
    wide = list(sizes)
    length = None if axis is None else wide[axis]
    if axis is not None:
        wide[axis] = 1
    return wide, length


def _count(sizes: Sequence[int]) -> int:
    count = int(np.prod(sizes, dtype=np.int64))
    if count > MOST:
        raise RefusedError("too many components")
    return count
