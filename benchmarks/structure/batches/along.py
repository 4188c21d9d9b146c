"""Which operations leave the examples of a batch apart: they work along other axes than its own."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jax.extend.core import JaxprEqn

from ...program.jaxpr import kind, names, scan_parts, shape
from ...program.primitives import PLACE, PRIMITIVES


class Pair(NamedTuple):
    """One equation of both programs.

    Attributes:
        short: That of the shorter batch.
        long: That of the longer one.
        inputs: The axis of each operand that runs along the batch; `None` for one that has none.
        outputs: The same of the results.
    """

    short: JaxprEqn
    long: JaxprEqn
    inputs: Sequence[int | None]
    outputs: Sequence[int | None]

    @property
    def params(self) -> dict[str, Any]:
        """What the equation says beside its operands."""
        return self.short.params

    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the operands, of the shorter batch."""
        return [shape(v) for v in self.short.invars]


def is_apart(pair: Pair) -> bool:
    """Whether an operation does to each example the same, without any other."""
    name = kind(pair.short)
    rule = _RULES.get(name) or (_at_place if is_at_place(name) else None)
    return rule is not None and rule(pair)


def alike(pair: Pair) -> bool:
    """Whether an operation says the same of both batches, but for the lengths that tell shapes."""
    return _alike(pair.short.params, pair.long.params, _LENGTHS.get(kind(pair.short), ()))


def _alike(short: dict[str, Any], long: dict[str, Any], lengths: Sequence[str]) -> bool:
    """Whether two equations say the same, but for the lengths that tell shapes."""
    return short.keys() == long.keys() and all(
        name in lengths or _equal(short[name], long[name]) for name in short
    )


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other) or bool(one != one and other != other)  # NaN fills both
    except Exception:  # whatever has no truth
        return False


def is_mapped(pair: Pair) -> bool:
    """Whether a scan takes each example's part of each turn, or an example a turn.

    A loop over examples has no carry, and nothing of the batch inside.
    """
    parts = scan_parts(pair.short)
    stacks = [*pair.inputs[parts.consts + parts.carries :], *pair.outputs[parts.carries :]]
    told = {"length", "jaxpr"}
    if not _alike(
        {k: v for k, v in pair.params.items() if k not in told},
        {k: v for k, v in pair.long.params.items() if k not in told},
        (),
    ):
        return False
    if pair.params["length"] == pair.long.params["length"]:
        return all(axis != 0 for axis in stacks)
    held = pair.inputs[: parts.consts]
    return not parts.carries and all(a is None for a in held) and all(a == 0 for a in stacks)


def is_at_place(name: str) -> bool:
    """Whether an operation makes each number of those at its place; it names no axis."""
    known = PRIMITIVES.get(name)
    return name in _PLACED or (known is not None and known.depends == PLACE)


def _at_place(pair: Pair) -> bool:
    """Whether each operand lies along the batch as the result does, or is the same for all."""
    out, rank = pair.outputs[0], len(shape(pair.short.outvars[0]))

    def fits(axis: int | None, of: tuple[int, ...]) -> bool:
        if not of:
            return True
        return len(of) == rank and (axis == out or (axis is None and of[out or 0] == 1))

    return len(pair.outputs) == 1 and all(map(fits, pair.inputs, pair.shapes()))


def _each(pair: Pair) -> bool:
    return list(pair.inputs) == list(pair.outputs)


def _broadcast(pair: Pair) -> bool:
    (axis, *_), (out, *_) = pair.inputs, pair.outputs
    axes = pair.params["broadcast_dimensions"]
    if axis is None:
        return out not in axes or pair.shapes()[0][axes.index(out)] == 1
    return axes[axis] == out


def _reshaped(pair: Pair) -> bool:
    """Whether examples stay as far apart: what lies before them is as much as it was."""
    (axis, *_), (out, *_) = pair.inputs, pair.outputs
    if axis is None or out is None or pair.params.get("dimensions") is not None:
        return False
    before = [np.prod(pair.shapes()[0][:axis]), np.prod(shape(pair.short.outvars[0])[:out])]
    return bool(before[0] == before[1])


def _apart(pair: Pair) -> bool:
    """Whether an operation works along other axes than the batch's."""
    params = pair.params
    axes = params.get("axes")
    for name in ("dimension", "axis", "dimensions"):
        axes = params[name] if axes is None and name in params else axes
    if axes is None:
        return False
    axes = axes if isinstance(axes, tuple | list) else (axes,)
    ranks = {len(s) for s in pair.shapes()}
    ours = {axis for axis in pair.inputs if axis is not None}
    return len(ranks) == 1 and len(ours) == 1 and not ours & {axis % max(ranks) for axis in axes}


def _best(pair: Pair) -> bool:
    """Whether the largest are sought along another axis: the last one if none is told."""
    rank = len(pair.shapes()[0])
    return pair.inputs[0] not in (None, pair.params.get("axis", rank - 1) % rank)


def _library(pair: Pair) -> bool:
    """Whether matrices stay whole: the batch is one of the axes before them."""
    pairs = zip(pair.inputs, pair.shapes(), strict=True)
    return all(axis is not None and axis < len(of) - 2 for axis, of in pairs)


def _sliced(pair: Pair) -> bool:
    (axis, *_), params = pair.inputs, pair.params
    if axis is None or params["limit_indices"][axis] != pair.shapes()[0][axis]:
        return False
    others = [
        [limit for place, limit in enumerate(eqn.params["limit_indices"]) if place != axis]
        for eqn in (pair.short, pair.long)
    ]
    strides = params["strides"] or [1] * len(pair.shapes()[0])
    return params["start_indices"][axis] == 0 and strides[axis] == 1 and others[0] == others[1]


def _padded(pair: Pair) -> bool:
    axis = pair.inputs[0]
    return axis is not None and tuple(pair.params["padding_config"][axis]) == (0, 0, 0)


def _multiplied(pair: Pair) -> bool:
    """Whether no product sums over examples."""
    sums, batch = pair.params["dimension_numbers"]
    for side in (0, 1):
        axis, far = pair.inputs[side], pair.inputs[1 - side]
        if axis is not None and axis in sums[side]:
            return False
        if axis is not None and axis in batch[side]:
            partner = batch[1 - side][list(batch[side]).index(axis)]
            if far != partner:
                return False
    return True


def _taken(pair: Pair) -> bool:
    """Whether a gather takes from what examples share, or from each example what it asks for."""
    operand, indices = pair.inputs[:2]
    numbers = pair.params["dimension_numbers"]
    of = pair.shapes()[0]
    if operand is None:
        return indices is not None and indices != len(pair.shapes()[1]) - 1
    if operand in numbers.operand_batching_dims:
        place = numbers.operand_batching_dims.index(operand)
        return indices == numbers.start_indices_batching_dims[place]
    moving = {*numbers.start_index_map, *numbers.collapsed_slice_dims}
    whole = pair.params["slice_sizes"][operand] == of[operand]
    return indices is None and operand not in moving and whole


def _put(pair: Pair) -> bool:
    """Whether a scatter puts each example's updates into its own part."""
    operand, indices, updates = pair.inputs
    numbers = pair.params["dimension_numbers"]
    if operand is None or updates is None or indices is None:
        return False
    if operand not in numbers.operand_batching_dims:
        return False
    place = numbers.operand_batching_dims.index(operand)
    return indices == numbers.scatter_indices_batching_dims[place]


def _sliced_at(pair: Pair) -> bool:
    axis = pair.inputs[0]
    return axis is not None and pair.params["slice_sizes"][axis] == pair.shapes()[0][axis]


def _updated(pair: Pair) -> bool:
    whole, part = pair.shapes()[:2]
    axis = pair.inputs[0]
    return axis is not None and axis == pair.inputs[1] and whole[axis] == part[axis]


def _convolved(pair: Pair) -> bool:
    numbers, (image, kernel) = pair.params["dimension_numbers"], pair.inputs
    alone = pair.params["batch_group_count"] == 1 and kernel is None
    return alone and image == numbers.lhs_spec[0] and pair.outputs[0] == numbers.out_spec[0]


def _pooled(pair: Pair) -> bool:
    params, ours = pair.params, {axis for axis in pair.inputs if axis is not None}
    scalars = [not of for of in pair.shapes()]
    if len(ours) != 1 or [axis is None for axis in pair.inputs] != scalars:
        return False
    axis = next(iter(ours))
    padding = tuple(params["padding"][axis])
    names = ("window_dimensions", "window_strides", "base_dilation", "window_dilation")
    return padding == (0, 0) and all(params[n][axis] == 1 for n in names if n in params)


def _transformed(pair: Pair) -> bool:
    axis, rank = pair.inputs[0], len(pair.shapes()[0])
    return axis is not None and axis < rank - len(pair.params["fft_lengths"])


def _filled(pair: Pair) -> bool:
    """Whether a count runs along another axis."""
    return pair.params["dimension"] != pair.outputs[0]


#: Parameters that hold lengths of the batch, which shapes and rules are asked for.
_LENGTHS = {
    "broadcast_in_dim": ("shape",),
    "dynamic_slice": ("slice_sizes",),
    "gather": ("slice_sizes",),
    "iota": ("shape",),
    "reshape": ("new_sizes",),
    "slice": ("limit_indices",),
}
#: Beside those of the table: what has no slope, each number from those at its place.
_PLACED = names(
    "and ceil clz eq eq_to floor ge gt is_finite le le_to lt lt_to mulhi ne nextafter not or "
    "population_count round select_n shift_left shift_right_arithmetic shift_right_logical sign "
    "stop_gradient xor"
)
_RULES: dict[str, Callable[[Pair], bool]] = {
    "broadcast_in_dim": _broadcast,
    "conv_general_dilated": _convolved,
    "dot_general": _multiplied,
    "dynamic_slice": _sliced_at,
    "dynamic_update_slice": _updated,
    "fft": _transformed,
    "gather": _taken,
    "iota": _filled,
    "optimization_barrier": _each,
    "pad": _padded,
    "reshape": _reshaped,
    "slice": _sliced,
    "top_k": _best,
    "transpose": lambda pair: pair.params["permutation"][pair.outputs[0] or 0] == pair.inputs[0],
    **dict.fromkeys(names("cholesky eigh lu qr svd triangular_solve"), _library),
    **dict.fromkeys(names("scatter scatter-add scatter-mul scatter-max scatter-min"), _put),
    **dict.fromkeys(
        names(
            "reduce_window_sum reduce_window_max reduce_window_min select_and_gather_add "
            "select_and_scatter_add"
        ),
        _pooled,
    ),
    **dict.fromkeys(
        names(
            "argmax argmin concatenate cumlogsumexp cummax cummin cumprod cumsum reduce_and "
            "reduce_max reduce_min reduce_or reduce_prod reduce_sum rev sort split squeeze"
        ),
        _apart,
    ),
}
