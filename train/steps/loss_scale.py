"""Scale the loss while it is differentiated, so that small gradients are numbers in float16."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from .. import gradients
from .._checks import is_number, positive
from .._precision import at_least_float32
from .._types import Params, Tree
from .optimizers import check_optimizer, update_of
from .state import select

SCALE, OVERFLOWS = "loss_scale", "overflows"  # the metrics and the curves of these names
_LEAST = 1.0  # of a scale: what is not finite at this one is the model's own fault


class LossScaleState(NamedTuple):
    """What an optimizer of `loss_scaling` remembers.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from gradwise import train
        >>> train.loss_scaling(optax.sgd(0.1)).init(jnp.ones(2)).scale
        Array(32768., dtype=float32)
    """

    scale: jax.Array  # [] float32, what the loss is multiplied by
    steady: jax.Array  # [] int32, the steps since the scale was changed
    inner: Tree  # what the optimizer itself remembers


def loss_scaling(
    optimizer: optax.GradientTransformation,
    *,
    initial: float = 2.0**15,
    period: int = 2000,
    factor: float = 2.0,
) -> optax.GradientTransformationExtraArgs:
    """Return the optimizer under which steps differentiate the loss times a scale that adapts.

    In float16 a gradient below 6e-8 is 0. A step of `make_step`, `make_run` and `fit` whose
    optimizer is of this kind multiplies the loss by the scale, differentiates that, and divides the
    gradient by the scale in float32. Where a gradient is not finite, parameters, moments, running
    statistics and an `average` stay as they were, and the scale is divided by `factor`; after
    `period` steps without, it is multiplied. At a scale of 1, a gradient that is not finite is an
    error as it is without. Two curves of the history tell of it: `loss_scale`, and `overflows`, how
    many steps of an epoch were left out.

    Micikevicius et al., "Mixed Precision Training" (2018). It must be the outermost optimizer, or
    be within `freeze` or `optax.chain` after what clips. bfloat16 has the range of float32, and
    needs none of it.

    Args:
        optimizer: Any optax transformation.
        initial: The scale of the first step.
        period: How many steps without overflow make the scale grow.
        factor: By what the scale grows and shrinks; a power of 2 rounds nothing.

    Raises:
        TypeError: If the optimizer is none.
        ValueError: If `initial` is less than 1 or not finite, `period` is no integer above 0, or
            `factor` is not above 1.

    Example:
        >>> import jax, jax.numpy as jnp, optax
        >>> from gradwise import nn, train
        >>> model = nn.mixed_precision(nn.mlp((3, 8, 1)), compute=jnp.float16)
        >>> optimizer = train.loss_scaling(optax.adam(1e-3))
        >>> params, state = model.init(jax.random.key(0))
        >>> train_state = train.init(params, state, optimizer)
        >>> float(train_state.opt_state.scale)
        32768.0
    """
    check_optimizer("the optimizer of loss_scaling", optimizer)
    if not (is_number(initial) and _LEAST <= initial < math.inf):
        raise ValueError(f"initial must be a scale of at least 1, got {initial!r}")
    if not (is_number(factor) and 1 < factor < math.inf):
        raise ValueError(f"factor must be above 1, got {factor!r}")
    period = positive("period", period)
    inner = _if_finite(optimizer)

    def init(params: Params) -> LossScaleState:
        return LossScaleState(jnp.float32(initial), jnp.int32(0), inner.init(params))

    def update(
        updates: Params, state: LossScaleState, params: Params | None = None, **extra: Any
    ) -> tuple[Params, LossScaleState]:
        updates, inner_state = inner.update(updates, state.inner, params, **extra)
        finite, steady = inner_state.last_finite, state.steady + 1  # pyright: ignore
        grows = finite & (steady >= period)
        larger = jnp.where(jnp.isfinite(state.scale * factor), state.scale * factor, state.scale)
        smaller = jnp.maximum(state.scale / factor, _LEAST)
        scale = jnp.where(grows, larger, jnp.where(finite, state.scale, smaller))
        steady = jnp.where(grows | ~finite, 0, steady)
        return updates, LossScaleState(scale, steady, inner_state)

    return optax.GradientTransformationExtraArgs(init, update)  # pyright: ignore


def _if_finite(optimizer: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    """Return the optimizer whose state stays, and whose update is 0, where one is not finite.

    It is `optax.apply_if_finite` by selection. With optax's own, a `cond`, a step could not compute
    its update again, as it does to overwrite in place: it would hold three times the parameters.
    """
    own_update = update_of(optimizer)

    def init(params: Params) -> optax.ApplyIfFiniteState:
        none = jnp.int32(0)
        return optax.ApplyIfFiniteState(none, jnp.array(True), none, optimizer.init(params))

    def update(
        updates: Params,
        state: optax.ApplyIfFiniteState,
        params: Params | None = None,
        **extra: Any,
    ) -> tuple[Params, optax.ApplyIfFiniteState]:
        entries = [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(updates)]
        finite = jnp.stack(entries).all() if entries else jnp.array(True)

        def or_zero(leaf: jax.Array) -> jax.Array:
            return jnp.where(finite, leaf, jnp.zeros_like(leaf))

        # Also before, so that no derivative of a run goes through what is not finite.
        safe = jax.tree.map(or_zero, updates)
        made, new = own_update(safe, state.inner_state, params, **extra)
        in_a_row, in_all = map(optax.safe_increment, (state.notfinite_count, state.total_notfinite))
        kept = optax.ApplyIfFiniteState(
            notfinite_count=jnp.where(finite, 0, in_a_row),
            last_finite=finite,
            total_notfinite=jnp.where(finite, state.total_notfinite, in_all),
            inner_state=select(finite, new, state.inner_state),
        )
        return jax.tree.map(or_zero, made), kept

    return optax.GradientTransformationExtraArgs(init, update)  # pyright: ignore


def scaling_of(opt_state: Tree) -> LossScaleState | None:
    """Return the part of an optimizer's state that scales the loss, if there is one.

    Raises:
        ValueError: If there are several.

    Example:
        >>> scaling_of(optax.chain(optax.clip(1.0), optax.sgd(0.1)).init(jnp.ones(2)))
    """

    def scales(node: object) -> bool:
        return isinstance(node, LossScaleState)

    nodes = [node for node in jax.tree.leaves(opt_state, is_leaf=scales) if scales(node)]
    if len(nodes) > 1 or any(scaling_of(node.inner) for node in nodes):
        raise ValueError("an optimizer can have one loss_scaling, got several: leave one of them")
    return nodes[0] if nodes else None


def scaled(gradient: gradients.Gradient, scaling: LossScaleState) -> gradients.Gradient:
    """Return a way to differentiate that scales what it differentiates, and its slope back.

    Example:
        >>> scaling = loss_scaling(optax.sgd(0.1), initial=8.0).init(jnp.ones(2))
        >>> of_scaled = scaled(gradients.reverse, scaling)
        >>> (value, _), slope = of_scaled(lambda p: (p**2, None), jnp.array(3.0), jax.random.key(0))
        >>> float(value), float(slope)
        (9.0, 6.0)
    """

    def differentiate(fn: Any, params: Params, key: jax.Array, /) -> Any:
        def scaled_fn(params: Params) -> tuple[jax.Array, Any]:
            value, aux = fn(params)
            return _wide(value) * scaling.scale, (value, aux)

        (_, value_and_aux), slope = gradient(scaled_fn, params, key)
        return value_and_aux, jax.tree.map(lambda leaf: _wide(leaf) / scaling.scale, slope)

    return differentiate


def is_forgiven(scaling: LossScaleState | None) -> jax.Array | bool:
    """Return whether a gradient that is not finite is answered by a smaller scale."""
    return False if scaling is None else scaling.scale > _LEAST


def _wide(leaf: jax.Array) -> jax.Array:
    """Return an array of floats in float32 or wider."""
    leaf = jnp.asarray(leaf)
    return at_least_float32(leaf)
