"""What the recurrent layers share: one `lax.scan` over the steps of a sequence."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jax.nn.initializers import Initializer

from ._checks import check_array, check_sequence, hide, real_entries
from ._options import check_switch, drawn
from ._precision import at_least_float32
from ._spread import gathered, rows_alone
from .layer import Layer, masked
from .linear import Dense, affine

Params = TypeVar("Params")
Carry = tuple[jax.Array, ...]  # each [batch, units]; the first is what the layer puts out
#: `cell(params, inputs, recurrent, carry)`: the next carry from `x W + b` of this step and `h U`,
#: both `[batch, gates * units]`.
Cell = Callable[[Params, jax.Array, jax.Array, Carry], Carry]


def recurrent_layer(
    who: str,
    kind: type,
    init: Callable[[jax.Array], Params],
    projections: Callable[[Params], tuple[Dense, Dense]],
    cell: Cell[Params],
    *,
    carries: int,
    every_step: bool,
    reverse: bool,
) -> Layer[Params, tuple[()]]:
    """Make a layer that runs `cell` over time, `[batch, time, in_dim]` to `[batch, time, units]`.

    The products of the inputs are made for all steps at once, before the loop. The carry starts at
    0 and is kept in float32 or better, since it is a sum over time; products are made in the dtype
    of the inputs and the parameters. A hidden step leaves the carry as it is, so the last carry is
    that of the last real step, and a loop that runs backwards begins at that step.
    """
    check_switch(who, "every_step", every_step)
    check_switch(who, "reverse", reverse)

    def fn(params: Params, x: jax.Array, mask: jax.Array | None) -> jax.Array:
        check_array(who, x)
        params = gathered(x, params)  # once, before the loop over the steps
        inner, outer = projections(params)
        check_sequence(who, x, inner.weight.shape[0])
        x = hide(who, rows_alone(x), mask)
        inputs = affine(inner, x)
        units = outer.weight.shape[0]
        # The sum over no steps is 0, in the dtype and over the devices of the batch.
        start = at_least_float32(jnp.sum(inputs[:, :0, :units], axis=1))

        def step(carry: Carry, at: tuple[jax.Array, jax.Array | None]) -> tuple[Carry, Any]:
            now, real = at
            recurrent = affine(outer, carry[0].astype(inputs.dtype))
            after = cell(params, at_least_float32(now), at_least_float32(recurrent), carry)
            pairs = zip(after, carry, strict=True)
            after = tuple(
                (new if real is None else jnp.where(real, new, old)).astype(old.dtype)
                for new, old in pairs
            )
            return after, after[0].astype(inputs.dtype) if every_step else None

        over_time = jnp.moveaxis(inputs, 1, 0), _real_over_time(who, x, mask)
        last, outputs = lax.scan(step, (start,) * carries, over_time, reverse=reverse)
        if not every_step:
            return last[0].astype(inputs.dtype)
        return hide(who, jnp.moveaxis(outputs, 0, 1), mask)

    return masked(who, init, fn, kind)


def _real_over_time(who: str, x: jax.Array, mask: jax.Array | None) -> jax.Array | None:
    """Return which steps are real, `[time, batch, 1]`; None if all are."""
    if mask is None:
        return None
    real = jnp.broadcast_to(real_entries(who, x, mask), (*x.shape[:2], 1))
    return jnp.moveaxis(real, 1, 0)


def draw_weights(
    who: str,
    key: jax.Array,
    in_dim: int,
    units: int,
    gates: int,
    weight_init: Initializer,
    recurrent_init: Initializer,
) -> tuple[jax.Array, jax.Array]:
    """Draw the weights of the inputs and those of the hidden state, each gate by itself.

    A gate's recurrent weight is `[units, units]`; drawn for all gates at once, an orthogonal one
    would be orthogonal for none of them.
    """
    input_key, recurrent_key = jax.random.split(key)

    def side_by_side(key: jax.Array, name: str, init: Initializer, rows: int) -> jax.Array:
        keys = jax.random.split(key, gates)
        weights = lax.map(lambda k: drawn(who, name, init, k, (rows, units)), keys)
        return jnp.moveaxis(weights, 0, 1).reshape(rows, gates * units)

    weight = side_by_side(input_key, "weight_init", weight_init, in_dim)
    return weight, side_by_side(recurrent_key, "recurrent_init", recurrent_init, units)
