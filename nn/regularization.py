"""Dropout: set random units to 0, and scale the others so that the mean stays."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ._checks import NO_INPUT, canonical, check_array, check_floating, check_key, check_train
from ._options import check_number
from ._precision import wide_dtype
from ._threefry import blocks
from .layer import Layer

LEVELS = 2**16  # a unit is drawn from 16 random bits, so a rate is a multiple of 1 / LEVELS
# From this many units in a row, several units share a random word. In shorter rows, joining the
# pieces costs more than the words that it saves.
_WIDE = 64


def dropout(rate: float | jax.Array) -> Layer[tuple[()], tuple[()]]:
    """Return the layer that sets each unit to 0 with probability `rate`, `[...]` to the same shape.

    `y = keep x / kept`, where `keep` is 0 or 1 and `kept` is the probability of 1: `1 - rate`,
    rounded to a multiple of 2^-16. The mean of `y` is `x`. Without a key, in inference, the layer
    returns `x`. At rate 1 the output and every derivative is 0.

    A unit takes 16 random bits. In rows of 64 units and more, drawing a mask is a quarter of the
    work of `jax.random.bernoulli` with the default keys, and half with other keys. An `rbg` key
    draws faster on some devices, but its masks under `vmap` differ from those in a loop, and they
    may differ between devices and versions of JAX.

    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting" (2014).

    Args:
        rate: Probability in `[0, 1]` that a unit is set to 0. It may be traced, and is then
            clipped to that range.

    Raises:
        ValueError: If the rate is outside `[0, 1]`, or `train=True` comes without a key.
        TypeError: If the rate is not one number, or the input is not floating-point.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
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
        x: jax.Array = NO_INPUT,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, tuple[()]]:
        del params, mask
        check_array(who, x)
        check_train(who, train)
        if is_zero(rate):
            return x, state
        if key is None and train:
            raise ValueError(f"{who} needs a key while training: apply(..., train=True, key=key)")
        check_key(who, key)
        x = canonical(x)
        check_floating(who, x)
        return (x if key is None else _drop(key, x, rate)), state

    apply.__qualname__ = who
    return Layer(init, apply)


def check_rate(rate: float | jax.Array) -> None:
    """Check that `rate` is one number and, unless it is traced, in `[0, 1]`.

    Raises:
        ValueError: If the number is outside `[0, 1]`.
        TypeError: If it is not one number.
    """
    check_number("dropout", "rate", rate, "in [0, 1]", lambda value: 0 <= value <= 1)


def is_zero(rate: float | jax.Array) -> bool:
    """Return whether `rate` is 0; a traced rate, whose value is not known, counts as not 0."""
    return not isinstance(rate, Tracer) and float(rate) == 0


def _drop(key: jax.Array, x: jax.Array, rate: float | jax.Array) -> jax.Array:
    array = jnp if isinstance(rate, Tracer) else np  # NumPy: a known rate becomes a constant
    wide = wide_dtype(x.dtype)
    dropped = array.round(array.clip(array.asarray(rate, wide), 0, 1) * LEVELS)
    kept = LEVELS - dropped
    scale = array.where(kept > 0, LEVELS / array.maximum(kept, 1), 0)
    keep = _keep(key, x.shape, dropped.astype(jnp.uint32))
    return jnp.where(keep, (x * scale).astype(x.dtype), 0)


def _keep(key: jax.Array, shape: tuple[int, ...], dropped: jax.Array | np.ndarray) -> jax.Array:
    """Draw which units to keep: those whose uniform integer in `[0, LEVELS)` is >= `dropped`.

    A random word of 32 bits gives two integers. Threefry gives two words at a time, so one draw is
    enough for four pieces of a row.
    """
    *rest, last = shape or (1,)
    threefry = jax.random.key_impl(key) == "threefry2x32"
    pieces = 1 if last < _WIDE else 4 if threefry else 2
    piece = (*rest, -(-last // pieces))
    words = blocks(key, piece) if threefry else (jax.random.bits(key, piece, jnp.uint32),)
    halves = [half for word in words for half in (word & (LEVELS - 1), word >> 16)]
    keep = jnp.concatenate([half >= dropped for half in halves[:pieces]], axis=-1)
    return keep[..., :last].reshape(shape)
