"""What each operation makes of marks: which numbers its results may depend on.

The program is linear in the marked numbers, so of the operands of a product one is marked. A rule
may say too much, never too little.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from jax.extend.core import JaxprEqn
from scipy.sparse import csr_array, kron

from ...program.jaxpr import kind, shape
from ...program.primitives import AXES, MOVED, NOTHING, PLACE, PRIMITIVES
from .contractions import dot, solved
from .convolutions import convolved, pooled
from .held import OPAQUE
from .marks import (
    MOST_ENTRIES,
    MOST_LOOKED_AT,
    Held,
    Marked,
    TooLargeError,
    Value,
    identity,
    product,
    take_rows,
    union,
)
from .mixing import mixed
from .moves import moved
from .updates import added_at, replaced_at, updated

#: `rule(eqn, operands)` returns the results.
Rule = Callable[[JaxprEqn, Sequence[Value]], Sequence[Value]]


def results_of(eqn: JaxprEqn, operands: Sequence[Value]) -> tuple[Sequence[Value], bool]:
    """Return an operation's results, and whether it is known; an unknown one mixes everything."""
    name = kind(eqn)
    known = PRIMITIVES.get(name)
    if name in _RULES:
        return _RULES[name](eqn, operands), True
    if known is None:
        return mixed(eqn, operands), False
    if known.depends == NOTHING:
        return [OPAQUE] * len(eqn.outvars), True
    if known.depends == PLACE:
        return at_place(eqn, operands), True
    if known.depends == MOVED:
        return moved(eqn, operands, known.indices), True
    if known.depends == AXES:
        return along_axes(eqn, operands), True
    return mixed(eqn, operands), True


def at_place(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Let each number depend on what the operands' numbers at its place depend on."""
    target = shape(eqn.outvars[0])
    if len(eqn.outvars) > 1:  # such as optimization_barrier: each result is its operand
        pairs = zip(operands, eqn.outvars, strict=True)
        return [o if isinstance(o, Marked) else OPAQUE for o, _ in pairs]
    rows = union([o.broadcast(target).rows for o in operands if isinstance(o, Marked)])
    return [Marked(rows, target)]


def times(eqn: JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
    """Multiply: where a constant factor is zero, nothing is left."""
    (result,) = at_place(eqn, operands)
    assert isinstance(result, Marked)
    for operand in operands:
        if isinstance(operand, Held) and math.prod(shape(eqn.outvars[0])) <= MOST_LOOKED_AT:
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
    if math.prod(operand.shape) * (size + 1) > 2 * MOST_ENTRIES:
        raise TooLargeError(f"a cumulative sum of {size:,} numbers")
    last = np.moveaxis(operand.positions, axis, -1).reshape(-1, size)
    if eqn.params["reverse"]:
        last = last[:, ::-1]
    lines = take_rows(operand.rows, last.ravel())
    triangle = csr_array(np.tril(np.ones((size, size), np.int8)))
    whole = product(csr_array(kron(identity(last.shape[0]), triangle, format="csr")), lines)
    back = np.empty(last.size, np.int64)
    back[last.ravel()] = np.arange(last.size)
    return [Marked(take_rows(whole, back), operand.shape)]


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
    "dynamic_update_slice": updated,
    "fft": transformed,
    "mul": times,
    "reduce_window_sum": pooled,
    "scatter": replaced_at,
    "scatter-add": added_at,
    "scatter-mul": added_at,
    "scatter-sub": added_at,
    "select_n": chosen,
    "triangular_solve": solved,
}
