"""Sums over windows of marked numbers: convolutions and pools."""

import math
from collections.abc import Sequence

import numpy as np
from jax.extend.core import JaxprEqn
from scipy.sparse import csr_array

from ...program.jaxpr import shape
from .marks import (
    MOST_ENTRIES,
    Held,
    Marked,
    TooLargeError,
    Value,
    nothing,
    product,
    take_rows,
    union,
    union_of,
)
from .mixing import mixed
from .windows import Window, places_in_windows


def convolved(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Convolve: a number depends on a window, or a feature on its kernel."""
    image, kernel = operands
    numbers = eqn.params["dimension_numbers"]
    results = []
    if isinstance(image, Marked) and eqn.params["batch_group_count"] == 1:
        results.append(_windows_of(eqn, image, kernel))
    elif isinstance(image, Marked):
        return mixed(eqn, operands)
    if isinstance(kernel, Marked):
        _, *rest = numbers.rhs_spec
        merged = kernel.merged(sorted(rest))
        out_shape, out_axis = shape(eqn.outvars[0]), numbers.out_spec[1]
        form = [1] * len(out_shape)
        form[out_axis] = -1
        results.append(merged.taken(np.broadcast_to(merged.positions.reshape(form), out_shape)))
    return [Marked(union([r.rows for r in results]), shape(eqn.outvars[0]))]


def _windows_of(eqn: JaxprEqn, image: Marked, kernel: Value) -> Marked:
    numbers, params = eqn.params["dimension_numbers"], eqn.params
    batch, channel, *space = numbers.lhs_spec
    groups, (out_batch, out_channel, *out_space) = params["feature_group_count"], numbers.out_spec
    inside = [image.shape[a] for a in space]
    out_shape = shape(eqn.outvars[0])
    outside = [out_shape[a] for a in out_space]
    kernel_shape = shape(eqn.invars[1])
    sizes = [kernel_shape[a] for a in numbers.rhs_spec[2:]]
    _check_size(sizes, outside, image.shape[batch] * groups)
    window = Window(
        sizes,
        params["window_strides"],
        params["padding"],
        params["lhs_dilation"],
        params["rhs_dilation"],
    )
    # [batch, groups, numbers of a group, flat space]
    ordered = np.transpose(image.positions, [batch, channel, *space])
    ordered = ordered.reshape(image.shape[batch], groups, -1, math.prod(inside))
    lines = ordered.transpose(0, 1, 3, 2).reshape(-1, ordered.shape[2])
    merged = union_of(image.rows, lines)  # [batch, groups, flat space]
    places = np.arange(merged.shape[0]).reshape(ordered.shape[0], groups, -1)
    used = _used(kernel, numbers.rhs_spec, sizes)
    taken = [
        np.where(at.ravel() < 0, -1, places[:, :, np.maximum(at.ravel(), 0)]).ravel()
        for offset, at in places_in_windows(inside, outside, window)
        if used[offset]
    ]
    count = ordered.shape[0] * groups * math.prod(outside)
    rows = _sums(merged, taken, count)
    each = out_shape[out_channel] // groups
    grid = np.arange(count).reshape(ordered.shape[0], groups, 1, -1)
    grid = np.broadcast_to(grid, (ordered.shape[0], groups, each, math.prod(outside)))
    grid = grid.reshape(ordered.shape[0], out_shape[out_channel], *outside)
    back = np.argsort([out_batch, out_channel, *out_space])
    return Marked(take_rows(rows, np.transpose(grid, back).ravel()), out_shape)


def _used(kernel: Value, spec: Sequence[int], sizes: Sequence[int]) -> np.ndarray:
    """Return at which offsets of a window a kernel may not be zero."""
    if not isinstance(kernel, Held):
        return np.ones(tuple(sizes), bool)
    ordered = np.transpose(kernel.array, spec).reshape(-1, *sizes)
    return np.any(ordered != 0, axis=0)


def pooled(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Reduce windows."""
    (operand, *others), params = operands, eqn.params
    if not isinstance(operand, Marked) or any(isinstance(o, Marked) for o in others):
        return mixed(eqn, operands)
    window = Window(
        params["window_dimensions"],
        params["window_strides"],
        params["padding"],
        params["base_dilation"],
        params["window_dilation"],
    )
    out = shape(eqn.outvars[0])
    _check_size(window.sizes, out, 1)
    taken = [at.ravel() for _, at in places_in_windows(operand.shape, out, window)]
    return [Marked(_sums(operand.rows, taken, math.prod(out)), out)]


def _sums(rows: csr_array, taken: Sequence[np.ndarray], count: int) -> csr_array:
    """Return sums of the rows at some places, -1 for none: the first of each list, and so on."""
    if not taken:
        return nothing(count, rows.shape[1])
    places = np.concatenate(taken)
    line = np.tile(np.arange(count), len(taken))
    there = places >= 0
    terms = (np.ones(int(there.sum()), np.int8), (line[there], places[there]))
    return product(csr_array(terms, shape=(count, rows.shape[0])), rows)


def _check_size(sizes: Sequence[int], outside: Sequence[int], lines: int) -> None:
    """Raise `TooLargeError` for windows so large that to look at each place takes too long."""
    terms = math.prod(sizes) * math.prod(outside) * lines
    if terms > MOST_ENTRIES:
        raise TooLargeError(f"windows over {terms:,} numbers in all")
