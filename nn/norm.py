"""Batch normalisation."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ._checks import check_features, check_mask, positive_int
from .layer import Layer


class BatchNorm(NamedTuple):
    """Parameters of `batch_norm`."""

    gamma: jax.Array  # [features]
    beta: jax.Array  # [features]


class BatchNormState(NamedTuple):
    """Running statistics of `batch_norm`, float32 unless the caller casts them."""

    mean: jax.Array  # [features]
    var: jax.Array  # [features], unbiased
    seen: jax.Array  # [], the weight of the batches in them: 1 - momentum^steps


def batch_norm(
    features: int, *, momentum: float = 0.99, eps: float = 1e-5, axis_name: str | None = None
) -> Layer[BatchNorm, BatchNormState]:
    """Normalise every feature over the batch, `[batch, ..., features]` to the same shape.

    Ioffe and Szegedy, "Batch Normalization" (2015).

    Example:
        >>> import jax, jax.numpy as jnp, nn
        >>> layer = nn.batch_norm(2)
        >>> params, state = layer.init(jax.random.key(0))
        >>> x = jnp.array([[1.0, 10.0], [3.0, 10.0]])
        >>> y, state = layer.apply(params, state, x, train=True)
        >>> y.round(3)
        Array([[-1.,  0.],
               [ 1.,  0.]], dtype=float32)
        >>> state.mean, state.var
        (Array([ 2., 10.], dtype=float32), Array([2., 0.], dtype=float32))
    """
    who = f"batch_norm({features})"
    features = positive_int(who, "features", features)

    def init(key: jax.Array, /) -> tuple[BatchNorm, BatchNormState]:
        del key
        params = BatchNorm(jnp.ones(features), jnp.zeros(features))
        mean, var = jnp.zeros(features, jnp.float32), jnp.ones(features, jnp.float32)
        return params, BatchNormState(mean, var, jnp.zeros((), jnp.float32))

    def apply(
        params: BatchNorm,
        state: BatchNormState,
        x: jax.Array,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, BatchNormState]:
        del key
        check_features(who, x, features)
        real = _real_rows(who, x, mask)
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        if train:
            count = _count(who, wide, real, axis_name)
            centred, mean, var = _centre(wide, real, count, axis_name)
            scale = lax.rsqrt(var + eps)
            state = _advance(state, mean, var, count, momentum)
        else:
            centred = _hide(wide - state.mean, real)
            scale = jnp.where(state.seen > 0, lax.rsqrt(state.var + eps), 1)
        y = centred * (scale * params.gamma) + params.beta
        return y.astype(x.dtype), state

    return Layer(init, apply)


def _real_rows(who: str, x: jax.Array, mask: jax.Array | None) -> jax.Array | None:
    if mask is None:
        return None
    check_mask(who, x, mask)
    return mask.reshape(mask.shape + (1,) * (x.ndim - 1))


def _hide(x: jax.Array, real: jax.Array | None) -> jax.Array:
    return x if real is None else jnp.where(real, x, 0)


def _sum(x: jax.Array, axis_name: str | None) -> jax.Array:
    total = jnp.sum(x, axis=tuple(range(x.ndim - 1)))
    return total if axis_name is None else lax.psum(total, axis_name)


def _count(who: str, x: jax.Array, real: jax.Array | None, axis_name: str | None) -> jax.Array:
    """How many values each feature is averaged over, on all devices together."""
    static = x.size // x.shape[-1] * (1 if axis_name is None else lax.psum(1, axis_name))
    if static == 1:
        raise ValueError(
            f"{who} expected at least 2 rows while training, got 1 in shape {x.shape}: "
            f"one row has no variance; use a larger batch, or train=False"
        )
    if real is None:
        return jnp.asarray(static, x.dtype)
    return _sum(jnp.broadcast_to(real, (*x.shape[:-1], 1)).astype(x.dtype), axis_name)[0]


def _centre(
    x: jax.Array, real: jax.Array | None, count: jax.Array, axis_name: str | None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    count = jnp.maximum(count, 1)
    shift = lax.stop_gradient(_sum(_hide(x, real), axis_name) / count)
    d = _hide(x - shift, real)
    c = _sum(d, axis_name) / count
    var = _sum(d * d, axis_name) / count - c * c
    return _hide(d - c, real), shift + c, var


def _advance(
    state: BatchNormState, mean: jax.Array, var: jax.Array, count: jax.Array, momentum: float
) -> BatchNormState:
    seen = momentum * state.seen + (1 - momentum)
    share = (1 - momentum) / seen
    unbiased = var * count / jnp.maximum(count - 1, 1)

    def keep_dtype(old: jax.Array, new: jax.Array) -> jax.Array:
        return lax.stop_gradient(jnp.where(count > 1, new, old).astype(old.dtype))

    return BatchNormState(
        mean=keep_dtype(state.mean, (1 - share) * state.mean + share * mean),
        var=keep_dtype(state.var, (1 - share) * state.var + share * unbiased),
        seen=keep_dtype(state.seen, seen),
    )
