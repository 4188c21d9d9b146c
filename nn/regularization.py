"""Dropout: units are left out at random, and the rest scaled up to make up for them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ._checks import check_floating, check_number
from ._threefry import blocks
from .layer import Layer

LEVELS = 2**16  # a rate is rounded to a whole number of these, and so drawn from 16 random bits
_WIDE = 64  # rows from here on share words: short pieces are slower to join than words to draw


def dropout(rate: float | jax.Array) -> Layer[tuple[()], tuple[()]]:
    """Set each unit to 0 with probability `rate`, `[...]` to the same shape.

    `y = keep x / kept`, with `kept` the probability that a unit is kept, which is `1 - rate`
    rounded to a multiple of 2^-16. So the mean is that of `x`, and inference, without a key, is
    the plain network. At rate 1 all is 0, and so is every derivative.

    A unit takes 16 random bits. In rows of 64 and more, drawing a mask is a quarter of the work of
    `jax.random.bernoulli` with the default keys, and half with others. Keys of any implementation
    will do: an `rbg` key draws faster on some devices, but its masks under `vmap` are not those of
    a loop, and they may differ between devices and versions of JAX.

    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting" (2014).

    Args:
        rate: The share that is dropped, in `[0, 1]`; it may be traced, and is then clipped.

    Raises:
        ValueError: A rate outside `[0, 1]`, or `train=True` without a key.
        TypeError: A rate that is not one number, or an input that is not floating-point.

    Example:
        >>> import jax, jax.numpy as jnp, nn
        >>> layer = nn.dropout(0.5)
        >>> params, state = layer.init(jax.random.key(0))
        >>> y, _ = layer.apply(params, state, jnp.ones((2, 8)), key=jax.random.key(1))
        >>> sorted(set(y.ravel().tolist()))
        [0.0, 2.0]
    """
    check_rate(rate)
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
        check_floating(who, x)
        return (x if key is None else _drop(key, x, rate)), state

    return Layer(init, apply)


def check_rate(rate: Any) -> None:
    """Raise unless `rate` is one number, in `[0, 1]` where its value is known."""
    check_number("dropout", "rate", rate, "in [0, 1]", lambda value: 0 <= value <= 1)


def is_zero(rate: float | jax.Array) -> bool:
    """Whether `rate` is known to be 0 before anything runs."""
    return not isinstance(rate, Tracer) and float(rate) == 0


def _drop(key: jax.Array, x: jax.Array, rate: float | jax.Array) -> jax.Array:
    array = jnp if isinstance(rate, Tracer) else np  # known rates become constants
    wide = jnp.promote_types(x.dtype, jnp.float32)
    dropped = array.round(array.clip(array.asarray(rate, wide), 0, 1) * LEVELS)
    kept = LEVELS - dropped
    scale = array.where(kept > 0, LEVELS / array.maximum(kept, 1), 0)
    keep = _keep(key, x.shape, dropped.astype(jnp.uint32))
    return jnp.where(keep, (x * scale).astype(x.dtype), 0)


def _keep(key: jax.Array, shape: tuple[int, ...], dropped: jax.Array | np.ndarray) -> jax.Array:
    """Whether a uniform integer in `[0, LEVELS)` reaches `dropped`; two out of 32 random bits."""
    *rest, last = shape or (1,)
    threefry = jax.random.key_impl(key) == "threefry2x32"
    pieces = 1 if last < _WIDE else 4 if threefry else 2
    each = (*rest, -(-last // pieces))
    words = blocks(key, each) if threefry else (jax.random.bits(key, each, jnp.uint32),)
    halves = [half for word in words for half in (word % LEVELS, word // LEVELS)]
    keep = jnp.concatenate([half >= dropped for half in halves[:pieces]], axis=-1)
    return keep[..., :last].reshape(shape)
