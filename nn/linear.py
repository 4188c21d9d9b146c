"""The fully connected layer."""

from typing import NamedTuple

import jax
from jax.nn.initializers import Initializer, lecun_normal, zeros

from ._checks import check_features, positive_int
from .layer import Layer, stateless

LECUN_NORMAL = lecun_normal()  # keeps the variance of the inputs


class Dense(NamedTuple):
    """Parameters of `dense`.

    Example:
        >>> import jax.numpy as jnp, nn
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
    """Affine map of the last axis, `[..., in_dim]` to `[..., out_dim]`: `y = x W + b`.

    Types promote as in `x @ weight`: parameters in bfloat16 make a bfloat16 network.

    Args:
        in_dim: Size of the input's last axis.
        out_dim: Size of the output's last axis.
        bias: Whether `b` is added; leave it out before `batch_norm`, where it does nothing.
        weight_init: Draws the weight; one of `jax.nn.initializers`.
        bias_init: Draws the bias; likewise.

    Raises:
        ValueError: A size below 1, or an input whose last axis is not `in_dim`.
        TypeError: A size that is no int, or an input that is not floating-point.

    Example:
        >>> import jax, jax.numpy as jnp, nn
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

    def init(key: jax.Array) -> Dense:
        weight_key, bias_key = jax.random.split(key)
        weight = weight_init(weight_key, (in_dim, out_dim))
        return Dense(weight, bias_init(bias_key, (out_dim,)) if bias else None)

    def affine(params: Dense, x: jax.Array) -> jax.Array:
        check_features(who, x, in_dim)
        y = x @ params.weight
        return y if params.bias is None else y + params.bias

    return stateless(init, affine)
