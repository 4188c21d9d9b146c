"""Operations that move numbers: done on the places of the numbers, they tell where each comes from.

Place 0 stands for a number that depends on nothing, so the operand's own places start at 1.
"""

from collections.abc import Callable, Sequence

import jax
import numpy as np
from jax.extend.core import JaxprEqn
from scipy.sparse import csr_array, vstack

from ...program.jaxpr import kind, shape
from ...program.walk import bind
from .held import held
from .marks import Held, Marked, Value, nothing, take_rows

#: `move(eqn, places of each operand)` returns the places of the results.
Move = Callable[[JaxprEqn, Sequence[np.ndarray]], Sequence[np.ndarray]]


def moved(eqn: JaxprEqn, operands: Sequence[Value], indices: slice) -> list[Marked]:
    """Return what an operation that moves numbers makes of marked ones."""
    operands = _without_unknown_indices(eqn, operands, indices)
    index_places = range(len(operands))[indices]
    marked = [o for place, o in enumerate(operands) if place not in index_places]
    marks = [o for o in marked if isinstance(o, Marked)]
    n = marks[0].rows.shape[1]
    rows = csr_array(vstack([nothing(1, n), *(o.rows for o in marks)], format="csr"))
    places, start = [], 1
    for place, operand in enumerate(operands):
        if isinstance(operand, Marked):
            places.append(operand.positions + start)
            start += operand.rows.shape[0]
        elif place in index_places and isinstance(operand, Held):
            places.append(operand.array)
        else:
            places.append(np.zeros(shape(eqn.invars[place]), np.int64))
    move = _MOVES.get(kind(eqn))
    results = move(eqn, places) if move else _by_jax(eqn, places, index_places)
    return [
        Marked(take_rows(rows, np.asarray(result, np.int64).ravel()), result.shape)
        for result in results
    ]


def _without_unknown_indices(
    eqn: JaxprEqn, operands: Sequence[Value], indices: slice
) -> Sequence[Value]:
    """Put indices of 0 for unknown ones, where any of the numbers along their axes may be meant."""
    places = range(len(operands))[indices]
    if all(isinstance(operands[place], Held) for place in places):
        return operands
    axes = _INDEXED.get(kind(eqn), lambda eqn: None)(eqn)
    changed: list[Value] = []
    for place, operand in enumerate(operands):
        if place in places:
            changed.append(held(np.zeros(shape(eqn.invars[place]), np.int32)))
        elif isinstance(operand, Marked):
            every = range(len(operand.shape)) if axes is None else axes
            changed.append(operand.smeared([axis for axis in every if axis < len(operand.shape)]))
        else:
            changed.append(operand)
    return changed


def _sliced_axes(eqn: JaxprEqn) -> list[int]:
    whole, part = shape(eqn.invars[0]), shape(eqn.outvars[0])
    return [axis for axis, (a, b) in enumerate(zip(whole, part, strict=True)) if a != b]


#: The axes of the operand that indices run along; all of them where nobody tells.
_INDEXED: dict[str, Callable[[JaxprEqn], list[int]]] = {
    "dynamic_slice": _sliced_axes,
    "gather": lambda eqn: list(eqn.params["dimension_numbers"].start_index_map),
}


def _by_jax(
    eqn: JaxprEqn, places: Sequence[np.ndarray], index_places: Sequence[int]
) -> Sequence[np.ndarray]:
    """Do the operation itself on the places, as floats: what it fills in is NaN, and so nothing."""
    with jax.enable_x64(True):
        operands = [p if i in index_places else p.astype(np.float64) for i, p in enumerate(places)]
        results = [np.asarray(result) for result in bind(eqn, operands)]
    return [np.nan_to_num(result, nan=0.0).astype(np.int64) for result in results]


def _broadcast(eqn: JaxprEqn, places: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    target, axes = eqn.params["shape"], eqn.params["broadcast_dimensions"]
    inner = [1] * len(target)
    for axis, size in zip(axes, places[0].shape, strict=True):
        inner[axis] = size
    return [np.broadcast_to(places[0].reshape(inner), target)]


def _pad(eqn: JaxprEqn, places: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    operand, filler = places
    result = np.full(shape(eqn.outvars[0]), filler, np.int64)
    target, source = [], []
    for size, (low, _, inner) in zip(operand.shape, eqn.params["padding_config"], strict=True):
        step = inner + 1
        skipped = max(0, (step - 1 - low) // step)  # that negative padding cuts off
        last = result.shape[len(target)]
        indices = [low + i * step for i in range(skipped, size) if low + i * step < last]
        source.append(slice(skipped, skipped + len(indices)))
        start = indices[0] if indices else 0
        target.append(slice(start, start + (len(indices) - 1) * step + 1 if indices else 0, step))
    result[tuple(target)] = operand[tuple(source)]
    return [result]


def _slice(eqn: JaxprEqn, places: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    starts, limits = eqn.params["start_indices"], eqn.params["limit_indices"]
    strides = eqn.params["strides"] or [1] * len(starts)
    return [places[0][tuple(map(slice, starts, limits, strides))]]


def _reshape(eqn: JaxprEqn, places: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    order = eqn.params.get("dimensions")  # `squeeze` has some too, of another meaning
    whole = kind(eqn) == "reshape" and order is not None
    ordered = np.transpose(places[0], order) if whole else places[0]
    return [ordered.reshape(shape(eqn.outvars[0]))]


def _select(eqn: JaxprEqn, places: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    which, *cases = places
    chosen = np.broadcast_to(which.astype(np.int64), cases[0].shape)
    return [np.choose(chosen, cases) if len(cases) < 32 else np.stack(cases)[chosen]]


def _split(eqn: JaxprEqn, places: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    ends = np.cumsum(eqn.params["sizes"])[:-1]
    return np.split(places[0], ends, axis=eqn.params["axis"])


#: Faster than asking JAX, which compiles a program for each shape.
_MOVES: dict[str, Move] = {
    "broadcast_in_dim": _broadcast,
    "concatenate": lambda eqn, p: [np.concatenate(p, axis=eqn.params["dimension"])],
    "pad": _pad,
    "reshape": _reshape,
    "rev": lambda eqn, p: [np.flip(p[0], eqn.params["dimensions"])],
    "select_n": _select,
    "slice": _slice,
    "split": _split,
    "squeeze": _reshape,
    "transpose": lambda eqn, p: [np.transpose(p[0], eqn.params["permutation"])],
}
