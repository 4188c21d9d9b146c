"""What each operation makes of marks: which numbers its results may depend on.

The program is linear in the marked numbers, so of the operands of a product one is marked. A rule
may say too much, never too little.
"""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn
from scipy.sparse import csr_array, kron

from ..program.jaxpr import kind, shape
from ..program.primitives import AXES, MOVED, NOTHING, PLACE, PRIMITIVES
from ..program.walk import bind
from .marks import (
    Held,
    Marked,
    Value,
    identity,
    nothing,
    product,
    take_rows,
    union,
    union_of,
)
from .moves import moved
from .windows import Window, places_in_windows

#: `rule(eqn, operands)` returns the results.
Rule = Callable[[JaxprEqn, Sequence[Value]], Sequence[Value]]

#: Constants larger than this are not looked at for zeros.
_MOST_LOOKED_AT = 4_000_000
#: A constant matrix of more than this share of nonzeros counts as full.
_FULL = 0.5


def results_of(eqn: JaxprEqn, operands: Sequence[Value]) -> tuple[Sequence[Value], bool]:
    """Return an operation's results, and whether it is known; an unknown one mixes everything."""
    name = kind(eqn)
    known = PRIMITIVES.get(name)
    if name in _RULES:
        return _RULES[name](eqn, operands), True
    if known is None:
        return mixed(eqn, operands), False
    if known.depends == NOTHING:
        return [_unmarked(eqn, operands, place) for place in range(len(eqn.outvars))], True
    if known.depends == PLACE:
        return at_place(eqn, operands), True
    if known.depends == MOVED:
        return moved(eqn, operands, known.indices), True
    if known.depends == AXES:
        return along_axes(eqn, operands), True
    return mixed(eqn, operands), True


def _unmarked(eqn: JaxprEqn, operands: Sequence[Value], place: int) -> Marked:
    size = math.prod(shape(eqn.outvars[place]))
    return Marked(nothing(size, _inputs(operands)), shape(eqn.outvars[place]))


def _inputs(operands: Sequence[Value]) -> int:
    return next(o.rows.shape[1] for o in operands if isinstance(o, Marked))


def mixed(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Let every number of the results depend on all that any operand depends on."""
    alls = [
        union_of(o.rows, np.arange(o.rows.shape[0])[None])
        for o in operands
        if isinstance(o, Marked) and o.rows.shape[0]
    ]
    if not alls:
        return [_unmarked(eqn, operands, place) for place in range(len(eqn.outvars))]
    row = Marked(union(alls), ())
    return [row.broadcast(shape(v)) for v in eqn.outvars]


def at_place(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Let each number depend on what the operands' numbers at its place depend on."""
    target = shape(eqn.outvars[0])
    if len(eqn.outvars) > 1:  # such as optimization_barrier: each result is its operand
        pairs = zip(operands, eqn.outvars, strict=True)
        return [o if isinstance(o, Marked) else _empty(operands, shape(v)) for o, v in pairs]
    rows = union([o.broadcast(target).rows for o in operands if isinstance(o, Marked)])
    return [Marked(rows, target)]


def _empty(operands: Sequence[Value], of_shape: tuple[int, ...]) -> Marked:
    return Marked(nothing(math.prod(of_shape), _inputs(operands)), of_shape)


def times(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Multiply: where a constant factor is zero, nothing is left."""
    (result,) = at_place(eqn, operands)
    for operand in operands:
        if isinstance(operand, Held) and math.prod(shape(eqn.outvars[0])) <= _MOST_LOOKED_AT:
            zero = np.broadcast_to(operand.array == 0, result.shape)
            if zero.any():
                places = np.where(zero.ravel(), -1, np.arange(zero.size))
                return [Marked(take_rows(result.rows, places), result.shape)]
    return [result]


def along_axes(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Mix the numbers along an operation's axes; those of different lines stay apart."""
    axes = _axes_of(eqn)
    if axes is None or len({shape(v) for v in eqn.invars}) > 1:
        return mixed(eqn, operands)
    marked = [o for o in operands if isinstance(o, Marked)]
    results = []
    for result in eqn.outvars:
        if len(shape(result)) == len(marked[0].shape):
            whole = union([o.smeared(axes).rows for o in marked])
            cut = Marked(whole, marked[0].shape).positions
            some = cut[tuple(slice(0, size) for size in shape(result))]  # such as top_k's
            results.append(Marked(whole, marked[0].shape).taken(some))
        else:
            rows = union([o.merged(axes).rows for o in marked])
            results.append(Marked(rows, shape(result)))
    return results


def _axes_of(eqn: JaxprEqn) -> list[int] | None:
    """Return the axes that an operation works along."""
    params = eqn.params
    if "axes" in params:
        return list(params["axes"])
    for name in ("dimension", "axis", "operand_axis", "reduction_dimension"):
        if name in params:
            return [params[name]]
    return [len(shape(eqn.invars[0])) - 1] if kind(eqn) == "top_k" else None


def cumulated(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Let each number depend on those before it along the axis, or behind it."""
    (operand,) = operands
    assert isinstance(operand, Marked)
    axis, size = eqn.params["axis"], operand.shape[eqn.params["axis"]]
    last = np.moveaxis(operand.positions, axis, -1).reshape(-1, size)
    if eqn.params["reverse"]:
        last = last[:, ::-1]
    lines = take_rows(operand.rows, last.ravel())
    triangle = csr_array(np.tril(np.ones((size, size), np.int8)))
    whole = product(csr_array(kron(identity(last.shape[0]), triangle, format="csr")), lines)
    back = np.empty(last.size, np.int64)
    back[last.ravel()] = np.arange(last.size)
    return [Marked(take_rows(whole, back), operand.shape)]


def dot(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Multiply matrices: a number depends on the marked line that it sums over."""
    (contracted, batched) = eqn.params["dimension_numbers"]
    sides = [place for place, o in enumerate(operands) if isinstance(o, Marked)]
    if len(sides) == 2:
        parts = [_dot(eqn, operands, side, contracted, batched).rows for side in sides]
        return [Marked(union(parts), shape(eqn.outvars[0]))]
    return [_dot(eqn, operands, sides[0], contracted, batched)]


def _dot(
    eqn: JaxprEqn, operands: Sequence[Value], side: int, contracted: tuple, batched: tuple
) -> Marked:
    own, other = operands[side], operands[1 - side]
    assert isinstance(own, Marked)
    sums, batch = list(contracted[side]), list(batched[side])
    free = [a for a in range(len(own.shape)) if a not in sums and a not in batch]
    other_shape = shape(eqn.invars[1 - side])
    far = [
        a
        for a in range(len(other_shape))
        if a not in contracted[1 - side] and a not in batched[1 - side]
    ]
    form = [[own.shape[a] for a in axes] for axes in (batch, free, sums)]
    sizes = [math.prod(axes) for axes in form]
    beyond = math.prod(other_shape[a] for a in far)
    lines = np.transpose(own.positions, [*batch, *free, *sums]).reshape(-1, sizes[2])
    rows = None
    if isinstance(other, Held) and not batch and math.prod(other_shape) <= _MOST_LOOKED_AT:
        order = [*contracted[1 - side], *far]
        matrix = np.transpose(other.array, order).reshape(sizes[2], beyond) != 0
        if matrix.mean() < _FULL if matrix.size else False:
            choice = kron(identity(sizes[1]), csr_array(matrix.T.astype(np.int8)), format="csr")
            rows = product(csr_array(choice), take_rows(own.rows, lines.ravel()))
    if rows is None:
        merged = union_of(own.rows, lines)
        rows = take_rows(merged, np.repeat(np.arange(merged.shape[0]), beyond))
    # Now in the order batch, free, far; the result has the left operand's axes before the right's.
    places = np.arange(rows.shape[0]).reshape(sizes[0], sizes[1], beyond)
    if side == 1:
        places = places.swapaxes(1, 2)
    return Marked(take_rows(rows, places.ravel()), shape(eqn.outvars[0]))


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
        feature, *rest = numbers.rhs_spec
        merged = kernel.merged(sorted(rest))
        out_shape, out_axis = shape(eqn.outvars[0]), numbers.out_spec[1]
        form = [1] * len(out_shape)
        form[out_axis] = -1
        del feature
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
    found = []
    for offset, at in places_in_windows(inside, outside, window):
        if used[offset]:
            taken = np.where(at.ravel() < 0, -1, places[:, :, np.maximum(at.ravel(), 0)])
            found.append(take_rows(merged, taken.ravel()))
    count = ordered.shape[0] * groups * math.prod(outside)
    rows = union(found) if found else nothing(count, image.rows.shape[1])
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
    found = [
        take_rows(operand.rows, at.ravel())
        for _, at in places_in_windows(operand.shape, out, window)
    ]
    return [Marked(union(found), out)]


def added_at(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Add updates at indices."""
    operand, indices, updates = operands
    out = shape(eqn.outvars[0])
    rows = [operand.rows] if isinstance(operand, Marked) else []
    if isinstance(updates, Marked):
        if not isinstance(indices, Held):  # any update may be added to any number
            every = union_of(updates.rows, np.arange(updates.rows.shape[0])[None])
            rows.append(Marked(every, ()).broadcast(out).rows)
        else:
            rows.append(_scattered(eqn, indices.array, updates, math.prod(out)))
    return [Marked(union(rows), out)]


def _scattered(eqn: JaxprEqn, indices: np.ndarray, updates: Marked, size: int) -> csr_array:
    """Return what updates add to each number of the result.

    The transpose of adding is taking: it tells for each update the place to which it is added.
    """
    out = shape(eqn.outvars[0])
    dtype = eqn.invars[2].aval.dtype  # pyright: ignore[reportAttributeAccessIssue]

    def add(values: jax.Array) -> jax.Array:
        return bind(eqn, [jnp.zeros(out, dtype), jnp.asarray(indices), values])[0]

    def targets(of: np.ndarray) -> np.ndarray:
        pull = jax.vjp(add, jnp.zeros(updates.shape, dtype))[1]
        return np.asarray(pull(jnp.asarray(of.reshape(out), dtype))[0], np.int64).ravel()

    # In two digits, since a half-precision float holds few whole numbers exactly.
    base = 200
    numbers, place, power, missing = np.arange(size), 0, 1, None
    while missing is None or power < size:
        digit = np.abs(targets(numbers // power % base + 1))
        missing = digit == 0 if missing is None else missing
        place, power = place + (digit - 1) * power, power * base
    target = np.where(missing, size, place)
    choice = csr_array(
        (np.ones(target.size, np.int8), (target, np.arange(target.size))),
        shape=(size + 1, target.size),
    )
    return take_rows(product(choice, updates.rows), np.arange(size))


def solved(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Solve with matrices: the numbers of one system mix, and those of others do not."""
    marked = [o for o in operands if isinstance(o, Marked)]
    out = shape(eqn.outvars[0])
    if any(len(o.shape) != len(out) or o.shape[:-2] != out[:-2] for o in marked):
        return mixed(eqn, operands)
    rows = []
    for operand in marked:
        merged = operand.merged([len(out) - 2, len(out) - 1])
        form = (*out[:-2], 1, 1)
        rows.append(merged.taken(np.broadcast_to(merged.positions.reshape(form), out)).rows)
    return [Marked(union(rows), out)]


def transformed(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Take a Fourier transform along the last axes."""
    (operand,) = operands
    assert isinstance(operand, Marked)
    count = len(eqn.params["fft_lengths"])
    axes = list(range(len(operand.shape) - count, len(operand.shape)))
    merged = operand.merged(axes)
    out = shape(eqn.outvars[0])
    form = (*out[: len(out) - count], *[1] * count)
    return [merged.taken(np.broadcast_to(merged.positions.reshape(form), out))]


def chosen(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Select by a condition: by place, or exactly where the condition is held."""
    if isinstance(operands[0], Held):
        return moved(eqn, operands, slice(0, 1))
    return at_place(eqn, operands[1:])


_RULES: dict[str, Rule] = {
    "conv_general_dilated": convolved,
    "cumsum": cumulated,
    "dot_general": dot,
    "fft": transformed,
    "mul": times,
    "reduce_window_sum": pooled,
    "scatter-add": added_at,
    "scatter-sub": added_at,
    "select_n": chosen,
    "triangular_solve": solved,
}
