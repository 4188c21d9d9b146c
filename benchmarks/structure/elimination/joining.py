"""What works on several components at once: joins, sums, products of small matrices, gathers."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import JaxprEqn

from ...program.jaxpr import kind, shape
from ...program.walk import bind
from .cells import FEW, Cells, Raw, RefusedError
from .moving import moved_places
from .space import Space


def joined(space: Space, eqn: JaxprEqn, operands: Sequence[Any]) -> Any:
    """Return components side by side, or tangents of examples one after the other."""
    stacks = kind(eqn) == "stack"
    dimension = eqn.params["axis" if stacks else "dimension"]
    tangents = any(isinstance(o, Cells) and o.linear for o in operands)
    axes = {o.axis for o in operands if isinstance(o, Cells)}
    if not stacks and dimension in axes:
        if not tangents:
            raise RefusedError("examples are put beside others")
        return moved_places(eqn, operands)
    cells = space.together(operands)
    cells = [space.as_tangent(cell) for cell in cells] if tangents else cells
    lead = next((cell for cell in cells if cell.axis is not None), cells[0])
    every = [cell.ids for cell in cells]
    if not stacks:
        return lead.of(np.concatenate(every, dimension))
    axis = None if lead.axis is None else lead.axis + (dimension <= lead.axis)
    return lead.of(np.stack(every, dimension), axis)


def padded(space: Space, eqn: JaxprEqn, operands: Sequence[Any]) -> Any:
    """Return components with others around them, or tangents with zeros."""
    cells, around = operands
    config = eqn.params["padding_config"]
    if isinstance(cells, Raw) or not isinstance(around, Raw):
        raise RefusedError("padded by a tangent")
    if cells.axis is not None and tuple(config[cells.axis]) != (0, 0, 0):
        if not cells.linear:
            raise RefusedError("examples are put beside others")
        return moved_places(eqn, operands)
    fill = space.cells(around, None, None)
    fill = int((space.as_tangent(fill) if cells.linear else fill).ids)
    if any(min(step) < 0 for step in config):
        raise RefusedError("padded by less than nothing")
    ids = np.full(_padded_sizes(cells.ids.shape, config), fill)
    ids[
        tuple(
            slice(low, low + (n - 1) * (gap + 1) + 1, gap + 1)
            for (low, _, gap), n in zip(config, cells.ids.shape, strict=True)
        )
    ] = cells.ids
    return cells.of(ids)


def _padded_sizes(sizes: Sequence[int], config: Sequence[Sequence[int]]) -> list[int]:
    pairs = zip(sizes, config, strict=True)
    return [low + high + n + max(n - 1, 0) * gap for n, (low, high, gap) in pairs]


def summed(space: Space, eqn: JaxprEqn, operands: Sequence[Any]) -> Cells:
    """Return sums of components."""
    (cells,), axes = operands, sorted(eqn.params["axes"])
    if cells.axis in axes:
        raise RefusedError("a sum over examples")
    if not axes:
        return cells
    ids = np.moveaxis(cells.ids, axes, range(-len(axes), 0))
    ids = ids.reshape(*ids.shape[: -len(axes)], -1)
    axis = None if cells.axis is None else cells.axis - sum(k < cells.axis for k in axes)
    return cells.of(space.total(ids, cells), axis)


def contracted(space: Space, eqn: JaxprEqn, operands: Sequence[Any]) -> Cells:
    """Return the product of two matrices of components."""
    sums, batch = eqn.params["dimension_numbers"]
    left, right = _sides(space, operands, batch)
    free = [
        [k for k in range(side.ids.ndim) if k not in (*sums[i], *batch[i])]
        for i, side in enumerate((left, right))
    ]
    axes = [_result_axis(side, i, sums, batch, free) for i, side in enumerate((left, right))]
    if None not in axes and axes[0] != axes[1]:
        raise RefusedError("examples meet in a product")
    ids = [
        np.transpose(side.ids, (*batch[i], *free[i], *sums[i]))
        for i, side in enumerate((left, right))
    ]
    counts, many = len(batch[0]), len(sums[0])
    ids = [part.reshape(*part.shape[: part.ndim - many], -1) for part in ids]
    ids[0] = np.expand_dims(ids[0], tuple(range(ids[0].ndim - 1, ids[0].ndim - 1 + len(free[1]))))
    ids[1] = np.expand_dims(ids[1], tuple(range(counts, counts + len(free[0]))))
    axis = axes[0] if axes[1] is None else axes[1]
    lead = left if left.axis is not None else right
    linear = left.linear or right.linear
    ids = ids[::-1] if right.linear else ids
    made = space.dot(ids[0], ids[1], lead._replace(linear=linear))
    return Cells(made, axis, lead.length, linear).of(made)


def _sides(space: Space, operands: Sequence[Any], batch: Any) -> list[Cells]:
    """Return both operands as components, along the batch if they have it in common."""
    sides: list[Any] = list(operands)
    for mine, other in ((0, 1), (1, 0)):
        one, far = sides[mine], sides[other]
        if not isinstance(one, Cells) or one.axis is None:
            continue
        if one.axis in batch[mine]:
            partner = batch[other][list(batch[mine]).index(one.axis)]
            sides[other] = space.cells(far, partner, one.length)
            if sides[other].axis != partner:
                raise RefusedError("examples meet in a product")
    return [space.cells(side, None, None) for side in sides]


def _result_axis(side: Cells, place: int, sums: Any, batch: Any, free: Any) -> int | None:
    """Return the axis of the result along which the examples of an operand are."""
    if side.axis is None:
        return None
    if side.axis in sums[place]:
        raise RefusedError("a sum over examples")
    if side.axis in batch[place]:
        return list(batch[place]).index(side.axis)
    before = len(batch[0]) + (len(free[0]) if place else 0)
    return before + free[place].index(side.axis)


def taken(space: Space, eqn: JaxprEqn, operands: Sequence[Any]) -> Cells:
    """Return components of chosen examples, or chosen components."""
    cells, indices = operands
    if not isinstance(indices, Raw) or not isinstance(cells, Cells):
        raise RefusedError("places that depend on inputs")
    numbers, sizes = eqn.params["dimension_numbers"], eqn.params["slice_sizes"]
    if numbers.operand_batching_dims or cells.axis is None:
        raise RefusedError("a gather of another kind")
    if cells.axis not in numbers.start_index_map:
        return _components(eqn, cells, indices)
    whole = [size for k, size in enumerate(sizes) if k != cells.axis]
    rest = [size for k, size in enumerate(cells.ids.shape) if k != cells.axis]
    if numbers.start_index_map != (cells.axis,) or sizes[cells.axis] != 1 or whole != rest:
        raise RefusedError("a gather of another kind")
    _check_inside(space, indices, cells.length or 0)
    return _examples(space, eqn, cells, indices)


def _check_inside(space: Space, indices: Raw, length: int) -> None:
    """Bind indices, and see that they are inside where their values are known."""
    space.bound |= indices.bound
    if space.looks:
        _check_certain(indices)
        values = np.asarray(indices.value)
        if values.size and (values.min() < 0 or values.max() >= length):
            raise RefusedError("an index outside")


def _check_certain(indices: Raw) -> None:
    if indices.hangs_on_rounding:
        raise RefusedError("an index that hangs on a rounding")


def _examples(space: Space, eqn: JaxprEqn, cells: Cells, indices: Raw) -> Cells:
    """Return the examples at indices, whose longest axis is that of the examples from now on."""
    lines = indices.shape[:-1]
    long = max(range(len(lines)), key=lambda k: lines[k], default=None)
    if long is not None and lines[long] <= FEW:
        long = None
    length = None if long is None else lines[long]
    left = [1 if k == long else size for k, size in enumerate(lines)]
    every = [
        space.formulas.raw(indices.key, long, k, length)
        for k in range(int(np.prod(left, dtype=int)))
    ]
    ids = np.stack([space.take(cells, index).ravel() for index in every])
    offsets = eqn.params["dimension_numbers"].offset_dims
    rank = len(shape(eqn.outvars[0]))
    rest = [size for k, size in enumerate(cells.ids.shape) if k != cells.axis]
    if len(offsets) != len(rest):  # the axis is kept, of one
        rest = list(cells.ids.shape)
    outer = [k for k in range(rank) if k not in offsets]
    ids = np.transpose(ids.reshape(*left, *rest), np.argsort([*outer, *offsets]))
    axis = None if long is None else outer[long]
    return Cells(ids, axis, length, cells.linear).of(ids)


def _components(eqn: JaxprEqn, cells: Cells, indices: Raw) -> Cells:
    """Return chosen components, by what the gather does to their places."""
    if indices.bound or np.prod(indices.shape) > FEW * 16:
        raise RefusedError("components at places of an argument")
    _check_certain(indices)
    numbers, sizes = eqn.params["dimension_numbers"], list(eqn.params["slice_sizes"])
    if sizes[cells.axis] != cells.length:  # pyright: ignore[reportCallIssue, reportArgumentType]
        raise RefusedError("a gather of another kind")
    sizes[cells.axis or 0] = 1
    where = np.arange(1, cells.ids.size + 1, dtype=np.int32).reshape(cells.ids.shape)
    with jax.ensure_compile_time_eval():
        at = [where, indices.value]
        places = np.asarray(bind(eqn, at, slice_sizes=tuple(sizes), fill_value=0)[0])
    if np.any(places <= 0):
        raise RefusedError("an index outside")
    inside = [k for k in range(cells.ids.ndim) if k not in numbers.collapsed_slice_dims]
    axis = numbers.offset_dims[inside.index(cells.axis or 0)]
    return cells.of(cells.ids.ravel()[places - 1], axis)
