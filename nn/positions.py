"""Positional encodings: what tells a layer such as attention the order of the steps."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn.initializers import Initializer, normal

from ._checks import check_sequence
from ._options import check_initializers, drawn, positive_int
from ._spread import beside
from .layer import Layer, hiding

SMALL_NORMAL = normal(0.02)


class Positions(NamedTuple):
    """Parameters of `learned_positions`.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import nn
        >>> params = nn.Positions(weight=jnp.array([[1.0], [2.0], [3.0]]))
        >>> nn.learned_positions(3, 1).apply(params, (), jnp.zeros((1, 2, 1)))[0].ravel()
        Array([1., 2.], dtype=float32)
    """

    weight: jax.Array  # [length, features]


def sinusoidal_positions(features: int) -> Layer[tuple[()], tuple[()]]:
    """Return the layer that adds waves over time, `[batch, time, features]` to the same shape.

    At step `t`, from 0, feature `2i` gets `sin(t / 10000^(2i / features))` and feature `2i + 1`
    the cosine of the same. The waves are computed in float64 while the layer is traced, so that
    they are right at any length. A sequence may be of any length.

    Vaswani et al., "Attention Is All You Need" (2017).

    Args:
        features: Size of the last axis.

    Raises:
        ValueError: If `features` is below 1, or the input is not `[batch, time, features]`.
        TypeError: If `features` is not an int, or the input is not floating-point.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import nn
        >>> nn.sinusoidal_positions(2).apply((), (), jnp.zeros((1, 2, 2)))[0].round(3)
        Array([[[0.   , 1.   ],
                [0.841, 0.54 ]]], dtype=float32)
    """
    who = f"sinusoidal_positions({features})"
    features = positive_int(who, "features", features)

    def fn(_: tuple[()], x: jax.Array) -> jax.Array:
        check_sequence(who, x, features)
        return x + jnp.asarray(_waves(x.shape[1], features)[None], x.dtype)

    return hiding(who, lambda _: (), fn)


def learned_positions(
    length: int, features: int, *, weight_init: Initializer = SMALL_NORMAL
) -> Layer[Positions, tuple[()]]:
    """Return the layer that adds a learned vector to each step, `y[:, t] = x[:, t] + weight[t]`.

    Gehring et al., "Convolutional Sequence to Sequence Learning" (2017).

    Args:
        length: Number of vectors; a sequence may be shorter but not longer.
        features: Size of the last axis.
        weight_init: Draws the vectors; one of `jax.nn.initializers`.

    Raises:
        ValueError: If a size is below 1, or the input is not `[batch, time, features]` with at most
            `length` steps.
        TypeError: If a size is not an int, or the input is not floating-point.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.learned_positions(10, 4)
        >>> params, state = layer.init(jax.random.key(0))
        >>> layer.apply(params, state, jnp.ones((5, 7, 4)))[0].shape
        (5, 7, 4)
    """
    who = f"learned_positions({length}, {features})"
    length, features = positive_int(who, "length", length), positive_int(who, "features", features)
    check_initializers(who, {"weight_init": weight_init})

    def fn(params: Positions, x: jax.Array) -> jax.Array:
        check_sequence(who, x, features)
        if x.shape[1] > length:
            raise ValueError(
                f"{who} expected at most {length} steps, got shape {x.shape}: "
                f"make the layer longer, or cut the sequences"
            )
        return x + beside(x, params.weight)[:, : x.shape[1]]

    def init(key: jax.Array) -> Positions:
        return Positions(drawn(who, "weight_init", weight_init, key, (length, features)))

    return hiding(who, init, fn, Positions)


def _waves(steps: int, features: int) -> np.ndarray:
    """Return the waves `[steps, features]` in float64."""
    pair = np.arange(features) // 2
    phase = np.arange(steps)[:, None] / 10000.0 ** (2 * pair / features)
    return np.where(np.arange(features) % 2, np.cos(phase), np.sin(phase))
