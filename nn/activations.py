"""Activations: plain functions of one array, and PReLU, which has parameters."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ._checks import check_features, check_floating, check_number, positive_int
from .layer import Layer, learned_activation


@jax.custom_jvp
def _both_sides(z: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The sigmoid at `z` and at `-z`, both to full relative accuracy, out of one exponential."""
    e = jnp.exp(-jnp.abs(z))
    large, small = 1 / (1 + e), e / (1 + e)
    return jnp.where(z > 0, large, small), jnp.where(z > 0, small, large)


@_both_sides.defjvp
def _both_sides_jvp(primals, tangents):
    (z,), (dz,) = primals, tangents
    p, q = _both_sides(z)
    slope = p * q  # p (1 - p) would be exactly 0 as soon as p rounds to 1
    return (p, q), (slope * dz, -slope * dz)


def sigmoid(x: jax.Array) -> jax.Array:
    """Elementwise `1 / (1 + exp(-x))`.

    Example:
        >>> import jax, nn
        >>> nn.sigmoid(jax.numpy.zeros(1))
        Array([0.5], dtype=float32)
    """
    return _both_sides(jnp.asarray(x))[0]


@jax.custom_jvp
def tanh(x: jax.Array) -> jax.Array:
    """Elementwise hyperbolic tangent.

    Example:
        >>> import jax, nn
        >>> nn.tanh(jax.numpy.zeros(1))
        Array([0.], dtype=float32)
    """
    return jnp.tanh(x)


@tanh.defjvp
def _tanh_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    p, q = _both_sides(2 * x)
    return tanh(x), 4 * p * q * dx


def relu(x: jax.Array) -> jax.Array:
    """Elementwise `max(x, 0)`; its derivative at 0 is 0.

    Example:
        >>> import jax, nn
        >>> nn.relu(jax.numpy.array([-1.0, 2.0]))
        Array([0., 2.], dtype=float32)
    """
    return jax.nn.relu(x)


def leaky_relu(x: jax.Array, *, slope: float = 0.01) -> jax.Array:
    """Elementwise `x` where positive, `slope * x` elsewhere.

    Example:
        >>> import jax, nn
        >>> nn.leaky_relu(jax.numpy.array([-1.0, 2.0]), slope=0.5)
        Array([-0.5,  2. ], dtype=float32)
    """
    return jax.nn.leaky_relu(x, slope)


def elu(x: jax.Array, *, alpha: float = 1.0) -> jax.Array:
    """Elementwise `x` where positive, `alpha (exp(x) - 1)` elsewhere.

    Example:
        >>> import jax, nn
        >>> nn.elu(jax.numpy.array([-100.0, 2.0]))
        Array([-1.,  2.], dtype=float32)
    """
    return jax.nn.elu(x, alpha)


def gelu(x: jax.Array, *, approximate: bool = True) -> jax.Array:
    """Elementwise `x Phi(x)`.

    Example:
        >>> import jax, nn
        >>> nn.gelu(jax.numpy.array([-100.0, 100.0]))
        Array([ -0., 100.], dtype=float32)
    """
    return jax.nn.gelu(x, approximate)


def silu(x: jax.Array) -> jax.Array:
    """Elementwise `x sigmoid(x)`.

    Example:
        >>> import jax, nn
        >>> nn.silu(jax.numpy.array([0.0, 100.0]))
        Array([  0., 100.], dtype=float32)
    """
    return x * sigmoid(x)


def softplus(x: jax.Array) -> jax.Array:
    """Elementwise `log(1 + exp(x))`.

    Example:
        >>> import jax, nn
        >>> nn.softplus(jax.numpy.array([-100.0, 0.0, 100.0]))
        Array([  0.       ,   0.6931472, 100.       ], dtype=float32)
    """
    return jax.nn.softplus(x)


def softmax(x: jax.Array, *, axis: int = -1) -> jax.Array:
    """`exp(x) / sum(exp(x))` along `axis`.

    Example:
        >>> import jax, nn
        >>> nn.softmax(jax.numpy.zeros(4))
        Array([0.25, 0.25, 0.25, 0.25], dtype=float32)
    """
    return jax.nn.softmax(x, axis=axis)


def log_softmax(x: jax.Array, *, axis: int = -1) -> jax.Array:
    """`x - log(sum(exp(x)))` along `axis`.

    Example:
        >>> import jax, nn
        >>> nn.log_softmax(jax.numpy.zeros(4)).round(3)
        Array([-1.386, -1.386, -1.386, -1.386], dtype=float32)
    """
    return jax.nn.log_softmax(x, axis=axis)


class PReLU(NamedTuple):
    """Parameters of `prelu`."""

    slope: jax.Array  # [features], or [] where all share one


def prelu(features: int | None = None, *, slope: float = 0.25) -> Layer[PReLU, tuple[()]]:
    """Elementwise `x` where positive, `slope * x` elsewhere, with slopes that are learned.

    At 0 the derivative is the slope. The output has the input's dtype.

    He et al., "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet
    Classification" (2015).

    Args:
        features: One slope for each of that many features, the last axis; `None` for one slope
            that all share.
        slope: What the slopes are at first.

    Raises:
        ValueError: `features` below 1, another last axis, or slopes of another shape.
        TypeError: Arguments that are no numbers, or an input that is not floating-point.

    Example:
        >>> import jax, jax.numpy as jnp, nn
        >>> layer = nn.prelu(3)
        >>> params, state = layer.init(jax.random.key(0))
        >>> layer.apply(params, state, jnp.array([-1.0, 0.0, 2.0]))[0]
        Array([-0.25,  0.  ,  2.  ], dtype=float32)
    """
    who = "prelu()" if features is None else f"prelu({features})"
    shape = () if features is None else (positive_int(who, "features", features),)
    check_number(who, "slope", slope, "finite", math.isfinite)

    def fn(params: PReLU, x: jax.Array) -> jax.Array:
        if features is None:
            check_floating(who, x)
        else:
            check_features(who, x, features)
        if params.slope.shape != shape:
            raise ValueError(f"{who} expected slopes of shape {shape}, got {params.slope.shape}")
        # Twice, for the slope's derivative is `x` where it is negative, and 0 times inf a NaN.
        negative = jnp.where(x > 0, 0, x)
        return jnp.where(x > 0, x, params.slope.astype(x.dtype) * negative)

    return learned_activation("prelu", lambda _: PReLU(jnp.full(shape, slope)), fn)
