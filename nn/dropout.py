"""Dropout."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from ._checks import check_floating
from .layer import Layer

STEPS = 2**16  # a rate is a whole number of these


def dropout(rate: float | jax.Array) -> Layer[tuple[()], tuple[()]]:
    """Set units to zero at random and scale up the rest, `[...]` to `[...]`.

    Example:
        >>> import jax, jax.numpy as jnp, nn
        >>> layer = nn.dropout(0.5)
        >>> params, state = layer.init(jax.random.key(0))
        >>> y, _ = layer.apply(params, state, jnp.ones((2, 8)), key=jax.random.key(1))
        >>> sorted(set(y.ravel().tolist()))
        [0.0, 2.0]
    """
    _check_rate(rate)
    who = f"dropout({rate})"

    def init(key: jax.Array, /) -> tuple[tuple[()], tuple[()]]:
        del key
        return (), ()

    def apply(
        params: tuple[()],
        state: tuple[()],
        x: jax.Array,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, tuple[()]]:
        del params, mask
        if is_zero(rate):
            return x, state
        if key is None and train:
            raise ValueError(f"{who} needs a key while training: apply(..., train=True, key=key)")
        return (x if key is None else _drop(who, key, x, rate)), state

    return Layer(init, apply)


def is_zero(rate: Any) -> bool:
    """Whether `rate` is known to be 0 before anything runs."""
    return not isinstance(rate, Tracer) and float(rate) == 0


def _check_rate(rate: Any) -> None:
    if jnp.shape(rate) != ():
        raise ValueError(f"dropout rate must be one number, got shape {jnp.shape(rate)}")
    if not isinstance(rate, Tracer) and not 0 <= float(rate) <= 1:
        raise ValueError(f"dropout rate must be in [0, 1], got {rate}")


def _drop(who: str, key: jax.Array, x: jax.Array, rate: float | jax.Array) -> jax.Array:
    check_floating(who, x)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    dropped = jnp.round(jnp.clip(jnp.asarray(rate, wide), 0, 1) * STEPS)
    kept_share = (STEPS - dropped) / STEPS
    scale = jnp.where(kept_share > 0, 1 / jnp.where(kept_share > 0, kept_share, 1), 0)
    keep = _draw(key, x.shape) >= dropped.astype(jnp.uint32)
    return jnp.where(keep, (x * scale).astype(x.dtype), 0)


def _draw(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Uniform integers in `[0, 2^16)`, two out of each 32 random bits."""
    *rest, last = shape or (1,)
    bits = jax.random.bits(key, (*rest, -(-last // 2)), jnp.uint32)
    halves = jnp.concatenate([bits & (STEPS - 1), bits >> 16], axis=-1)
    return halves[..., :last].reshape(shape)
