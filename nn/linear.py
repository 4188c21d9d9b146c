"""The fully connected layer."""

from typing import NamedTuple

import jax
from jax.nn.initializers import Initializer, lecun_normal, zeros

from ._checks import check_features
from ._options import check_initializers, check_switch, drawn, positive_int
from ._spread import beside, product
from .layer import Layer, hiding

LECUN_NORMAL = lecun_normal()  # outputs have the variance of the inputs


class Dense(NamedTuple):
    """Parameters of `dense`.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import nn
        >>> params = nn.Dense(weight=jnp.array([[1.0], [10.0]]), bias=jnp.array([0.5]))
        >>> nn.dense(2, 1).apply(params, (), jnp.array([[2.0, 3.0]]))[0]
        Array([[32.5]], dtype=float32)
    """

    weight: jax.Array  # [in_dim, out_dim]
    bias: jax.Array | None  # [out_dim], None without a bias


def dense(
    in_dim: int,
    out_dim: int,
    *,
    bias: bool = True,
    weight_init: Initializer = LECUN_NORMAL,
    bias_init: Initializer = zeros,
) -> Layer[Dense, tuple[()]]:
    """Return the affine map of the last axis, `[..., in_dim]` to `[..., out_dim]`: `y = x W + b`.

    The output has the dtype of `x @ W`, so a network whose parameters and inputs are bfloat16
    computes in bfloat16.

    Args:
        in_dim: Size of the input's last axis.
        out_dim: Size of the output's last axis.
        bias: Whether to add `b`. Leave it out before `batch_norm`, which would subtract it again.
        weight_init: Draws `W`; one of `jax.nn.initializers`.
        bias_init: Draws `b`; one of `jax.nn.initializers`.

    Raises:
        ValueError: If a size is below 1, or the input's last axis is not `in_dim`.
        TypeError: If a size is not an int, or the input is not floating-point.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.dense(3, 4)
        >>> params, state = layer.init(jax.random.key(0))
        >>> layer.apply(params, state, jnp.ones((5, 3)))[0].shape
        (5, 4)
        >>> layer.apply(params, state, jnp.ones((5, 7)))
        Traceback (most recent call last):
        ValueError: dense(3, 4) expected an input whose last axis is 3, got shape (5, 7)
    """
    who = f"dense({in_dim}, {out_dim})"
    in_dim, out_dim = positive_int(who, "in_dim", in_dim), positive_int(who, "out_dim", out_dim)
    check_switch(who, "bias", bias)
    check_initializers(who, {"weight_init": weight_init, "bias_init": bias_init})

    def init(key: jax.Array) -> Dense:
        weight_key, bias_key = jax.random.split(key)
        weight = drawn(who, "weight_init", weight_init, weight_key, (in_dim, out_dim))
        shift = drawn(who, "bias_init", bias_init, bias_key, (out_dim,)) if bias else None
        return Dense(weight, shift)

    def fn(params: Dense, x: jax.Array) -> jax.Array:
        check_features(who, x, in_dim)
        return affine(params, x)

    return hiding(who, init, fn, Dense)


def affine(params: Dense, x: jax.Array) -> jax.Array:
    """Return `x W + b`, or `x W` if there is no bias."""
    y = product(x, params.weight)
    return y if params.bias is None else y + beside(y, params.bias)
