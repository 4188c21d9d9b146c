"""What moves components: they are moved as the numbers of the value are."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import JaxprEqn

from ...program.jaxpr import kind, names, shape
from ...program.walk import bind
from .cells import FEW, Cells, Laid, RefusedError, beside, laid
from .space import Space

#: What stays as it is.
_STAYS = names("copy copy_p optimization_barrier convert_element_type")


def moved(eqn: JaxprEqn, cells: Cells, space: Space) -> Any:
    """Return what an equation that moves numbers makes of one operand; `None` if it is no such."""
    name = kind(eqn)
    if name in _STAYS:
        return cells
    rule = _RULES.get(name)
    return None if rule is None else rule(eqn, cells, space)


def moved_places(eqn: JaxprEqn, operands: Sequence[Any]) -> Laid:
    """Return what an equation that moves numbers makes of tangents that are laid out."""
    parts, places = beside([laid(operand) for operand in operands])
    with jax.ensure_compile_time_eval():
        moved = bind(eqn, [place.astype(np.int32) for place in places])[0]
    return Laid(parts, np.asarray(moved))


def _broadcast(eqn: JaxprEqn, cells: Cells, space: Space) -> Cells:
    del space
    sizes, axes = list(eqn.params["shape"]), eqn.params["broadcast_dimensions"]
    wide = np.ones(len(sizes), int)
    wide[list(axes)] = cells.ids.shape
    axis, length = None if cells.axis is None else axes[cells.axis], cells.length
    if axis is None:
        new = [k for k, size in enumerate(sizes) if wide[k] == 1 and size > FEW]
        axis = max(new, key=lambda k: sizes[k], default=None)
        length = None if axis is None else sizes[axis]
    if axis is not None:
        sizes[axis] = 1
    if np.prod(sizes) > 1 << 20:
        raise RefusedError("too many components")
    ids = np.broadcast_to(cells.ids.reshape(wide), sizes)
    return Cells(ids, axis, length, cells.linear).of(ids)


def _reshape(eqn: JaxprEqn, cells: Cells, space: Space) -> Any:
    del space
    sizes = list(shape(eqn.outvars[0]))
    if cells.axis is None:
        return cells.of(cells.ids.reshape(sizes))
    before = np.prod(cells.ids.shape[: cells.axis], dtype=int)
    for axis, size in enumerate(sizes):
        if size == cells.length and np.prod(sizes[:axis], dtype=int) == before:
            sizes[axis] = 1
            return cells.of(cells.ids.reshape(sizes), axis)
    if not cells.linear:
        raise RefusedError("examples and components share an axis")
    return moved_places(eqn, [cells])


def _transposed(eqn: JaxprEqn, cells: Cells, space: Space) -> Cells:
    del space
    order = eqn.params["permutation"]
    axis = None if cells.axis is None else order.index(cells.axis)
    return cells.of(cells.ids.transpose(order), axis)


def _squeezed(eqn: JaxprEqn, cells: Cells, space: Space) -> Cells:
    del space
    out = {axis % cells.ids.ndim for axis in eqn.params["dimensions"]}
    ids = cells.ids.reshape([size for k, size in enumerate(cells.ids.shape) if k not in out])
    if cells.axis is None:
        return cells.of(ids)
    if cells.axis in out:
        raise RefusedError("a batch of one")
    return cells.of(ids, cells.axis - sum(k < cells.axis for k in out))


def _sliced(eqn: JaxprEqn, cells: Cells, space: Space) -> Cells:
    params = eqn.params
    steps = params["strides"] or (1,) * cells.ids.ndim
    starts, limits = params["start_indices"], params["limit_indices"]
    cuts = [slice(*cut) for cut in zip(starts, limits, steps, strict=True)]
    if cells.axis is None:
        return cells.of(cells.ids[tuple(cuts)])
    along, cuts[cells.axis] = range(cells.length or 0)[cuts[cells.axis]], slice(None)
    return _at_line(cells.of(cells.ids[tuple(cuts)]), along, space)


def _at_line(cells: Cells, along: range, space: Space) -> Cells:
    """Return the examples of a range; a few as components."""
    assert cells.axis is not None
    formulas = space.formulas
    if along == range(cells.length or 0):
        return cells
    if len(along) > FEW:
        line = formulas.line(along.start, along.step, len(along))
        return cells.of(space.take(cells, line))._replace(length=len(along))
    single = [space.take(cells, formulas.line(place, 0, None)) for place in along]
    if not single:
        raise RefusedError("an array of no numbers")
    return Cells(np.concatenate(single, cells.axis), None, None, cells.linear)


def _reversed(eqn: JaxprEqn, cells: Cells, space: Space) -> Cells:
    axes = set(eqn.params["dimensions"])
    turned = cells.of(np.flip(cells.ids, tuple(axes - {cells.axis})))
    if cells.axis not in axes:
        return turned
    return _at_line(turned, range(cells.length or 0)[::-1], space)


_RULES: dict[str, Callable[[JaxprEqn, Cells, Space], Any]] = {
    "broadcast_in_dim": _broadcast,
    "reshape": _reshape,
    "rev": _reversed,
    "slice": _sliced,
    "squeeze": _squeezed,
    "transpose": _transposed,
}
#: What moves numbers of one operand.
MOVES = frozenset(_RULES) | _STAYS
