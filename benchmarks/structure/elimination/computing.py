"""Partial derivatives are computed, so many examples at a time as fit into a cache.

Each formula is one operation on contiguous vectors.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

from ...derivatives.problem import Leaves
from ...program.jaxpr import dtype
from ...program.walk import bind
from .blocks import Block, Local
from .formulas import Formula
from .stages import Stages

#: Examples of a chunk: a hundred vectors of this length are 3 MB.
CHUNK = 4096
#: Fewer examples are computed at once.
_FEW = 1024
#: Columns that are joined at a time: XLA fuses the join of 8 or less with what is joined, and
#: tries k places for each number of k columns.
_JOINED_AT_ONCE = 14


def numbers_of(local: Local, x: Leaves, *, staged: bool = True) -> jax.Array:
    """Return all partial derivatives, block by block, in each example by example.

    Args:
        local: The blocks.
        x: The inputs.
        staged: Whether they are computed chunk by chunk and stage by stage, as is best on a CPU.
    """
    vectors = _Vectors(local, x, staged=staged)
    widths = [len(block.columns) for block in local.blocks]
    sizes = [width * (block.length or 1) for width, block in zip(widths, local.blocks, strict=True)]
    starts = np.cumsum([0, *sizes])
    into = jnp.zeros(int(starts[-1]), vectors.dtype)
    for length in dict.fromkeys(block.length for block in local.blocks):
        mine = [k for k, block in enumerate(local.blocks) if block.length == length]
        roots = [column.weight for k in mine for column in local.blocks[k].columns]

        def write(into: jax.Array, first: Any, known: dict, size: int, mine: Any = mine) -> Any:
            for k in mine:
                part = _joined(vectors.wide(local.blocks[k], known, size))
                into = lax.dynamic_update_slice(into, part, (int(starts[k]) + widths[k] * first,))
            return into

        into = vectors.each(roots, length, write, into)
    return into


#: `write(into, first, vectors by formula, how many)` writes what is computed of some examples.
_Write = Callable[[Any, Any, dict[int, Any], int], Any]


class _Vectors:
    """Formulas that are computed for all of their examples, or for those of a chunk."""

    def __init__(self, local: Local, x: Leaves, *, staged: bool) -> None:
        self._local, self._x, self._staged = local, x, staged
        self._formulas = local.space.formulas
        self.dtype = jnp.result_type(*x)
        self._whole: dict[int, Any] = {}

    def each(self, roots: Sequence[int], length: int | None, write: _Write, into: Any) -> Any:
        """Compute formulas of one length, and write them."""
        stages = Stages(self._formulas, roots, length)
        every = [stages.order(stage) for stage in range(len(stages.outputs))]
        self._borrow(stages.borrowed)
        self._hold([place for order in every for place in order])
        count = 1 if length is None else length
        chunks = -(-count // CHUNK) if self._staged and count > CHUNK else 1
        chunks = 2 if chunks == 1 and self._staged and count >= _FEW else chunks
        size = -(-count // chunks)

        def turn(index: Any, into: Any) -> Any:
            first = jnp.minimum(index * size, count - size)  # the last overlaps the one before
            known: dict[int, Any] = {}
            for outputs, order in zip(stages.outputs, every, strict=True):
                self._stage(known, outputs, order, first if length else None, size)
            return write(into, first, known, size)

        return lax.fori_loop(0, chunks, turn, into) if chunks > 1 else turn(0, into)

    def wide(self, block: Block, known: dict[int, Any], size: int) -> list[jax.Array]:
        """Return a block's columns as vectors of one length, or as numbers."""
        shape = () if block.length is None else (size,)
        values = (self._value(column.weight, known) for column in block.columns)
        return [jnp.broadcast_to(jnp.asarray(value, self.dtype), shape) for value in values]

    def _value(self, place: int, known: dict[int, Any]) -> Any:
        return known[place] if place in known else self._whole[place]

    def _stage(
        self,
        known: dict[int, Any],
        outputs: Sequence[int],
        order: Sequence[int],
        first: Any,
        size: int,
    ) -> None:
        """Compute a stage, and write what later ones read of it."""

        def compute() -> list[Any]:
            now = dict(known)
            for place in order:
                now[place] = self._at(self._formulas.every[place], now, first, size)
            return [now[place] for place in names]

        made = {*known, *order}
        names = [place for place in outputs if place in made]
        looped = isinstance(first, Tracer)
        if looped and self._staged and len(order) > 0:
            # What XLA makes of both branches it cannot fuse with what reads it.
            zeros = lambda: [jnp.zeros(size, self._dtype(place)) for place in names]  # noqa: E731
            results = lax.cond(first >= 0, compute, zeros)
        else:
            results = lax.optimization_barrier(compute())
        known.update(zip(names, results, strict=True))

    def _dtype(self, place: int) -> Any:
        """Return the type of a formula's numbers."""
        formula = self._formulas.every[place]
        if formula.what[0] == "take":
            return self._dtype(formula.operands[0])
        if formula.what[0] == "raw":
            return jnp.result_type(self._whole[place])
        eqn = self._formulas.eqns.get(formula.what)
        return self.dtype if eqn is None else dtype(eqn.outvars[0])

    def _borrow(self, places: Sequence[int]) -> None:
        """Compute formulas of other lengths for all of their examples."""
        left = [place for place in places if place not in self._whole]
        for length in dict.fromkeys(self._formulas.every[place].length for place in left):
            roots = [place for place in left if self._formulas.every[place].length == length]
            plain = [place for place in roots if self._is_given(place)]
            self._hold(plain)
            roots = [place for place in roots if place not in plain]
            if not roots:
                continue
            shape = () if length is None else (length,)

            def write(into: list, first: Any, known: dict, size: int, roots: Any = roots) -> list:
                del size
                parts = [known[place] for place in roots]
                if not parts[0].ndim:
                    return parts
                pairs = zip(into, parts, strict=True)
                return [lax.dynamic_update_slice(whole, part, (first,)) for whole, part in pairs]

            into = [jnp.zeros(shape, self._dtype(place)) for place in roots]
            self._whole |= dict(zip(roots, self.each(roots, length, write, into), strict=True))

    def _is_given(self, place: int) -> bool:
        return self._formulas.every[place].what[0] in ("leaf", "raw", "number", "line")

    def _hold(self, places: Sequence[int]) -> None:
        """Take components out of arrays, once."""
        for place in places:
            formula = self._formulas.every[place]
            if place not in self._whole and self._is_given(place):
                self._whole[place] = self._given(formula)

    def _given(self, formula: Formula) -> Any:
        match formula.what:
            case "leaf", leaf, component:
                return _component(self._x[leaf], self._local.axes[leaf], component)
            case "raw", key, axis, component:
                return _component(self._local.space.raws[key].value, axis, component)
            case "number", value:
                return jnp.asarray(value, self.dtype)
            case _, start, step:
                return start + step * jnp.arange(formula.length or 1).reshape(
                    () if formula.length is None else (-1,)
                )

    def _at(self, formula: Formula, known: dict[int, Any], first: Any, size: int) -> Any:
        """Compute a formula at some examples, from the first of them on."""
        place, name = self._formulas.place(formula), formula.what[0]
        if self._is_given(place):
            whole = self._whole[place]
            return whole if first is None else _part(whole, first, size)
        if name == "take":
            table, index = formula.operands
            line = self._formulas.every[index].what
            if line[0] == "line" and line[2] == 1 and first is not None:
                return _part(self._whole[table], line[1] + first, size)
            return _taken(self._whole[table], self._value(index, known))
        operands = [self._value(operand, known) for operand in formula.operands]
        if name == "shift":
            return formula.what[1] + formula.what[2] * operands[0]
        shape = () if first is None else (size,)
        wide = [jnp.broadcast_to(operand, shape) for operand in operands]
        eqn = self._formulas.eqns.get(formula.what)
        return _ARITHMETIC[name](*wide) if eqn is None else bind(eqn, wide)[0]


_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": lax.add,
    "choose": lax.select_n,
    "div": lax.div,
    "mul": lax.mul,
    "neg": lax.neg,
    "sub": lax.sub,
}


def _component(array: Any, axis: int | None, component: int) -> jax.Array:
    """Return one component of an array as a vector along an axis, or as a number."""
    array = jnp.asarray(array)
    left = [size for k, size in enumerate(array.shape) if k != axis]
    place: list[Any] = [int(k) for k in np.unravel_index(component, left)] if left else []
    if axis is not None:
        place.insert(axis, slice(None))
    return array[tuple(place)]


def _part(vector: jax.Array, first: Any, size: int) -> jax.Array:
    return lax.dynamic_slice_in_dim(vector, first, size)


def _taken(table: jax.Array, index: jax.Array) -> jax.Array:
    return table.at[index].get(mode="promise_in_bounds", wrap_negative_indices=False)


def _joined(columns: list[jax.Array]) -> jax.Array:
    """Return columns side by side, a few at a time."""
    count = -(-len(columns) // _JOINED_AT_ONCE)
    ends = [round(k * len(columns) / count) for k in range(count + 1)]
    parts = [jnp.stack(columns[a:b], axis=-1) for a, b in pairwise(ends)]
    return jnp.concatenate(parts, axis=-1).ravel()
