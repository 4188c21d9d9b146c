"""Activations: plain functions of one array, and PReLU, which has parameters."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ._checks import check_features, check_floating, check_number, positive_int
from ._precision import at_least_float32
from .layer import Layer, learned_activation


@jax.custom_jvp
def sigmoid(x: jax.Array) -> jax.Array:
    """Elementwise `1 / (1 + exp(-x))`.

    Its derivatives, of any order, are right in saturation too: `sigmoid(x) (1 - sigmoid(x))`
    would be 0 as soon as the sigmoid rounds to 1, at 17 in float32.

    Example:
        >>> import jax, nn
        >>> nn.sigmoid(jax.numpy.zeros(1))
        Array([0.5], dtype=float32)
        >>> f"{jax.grad(nn.sigmoid)(50.0):.2e}"
        '1.93e-22'
    """
    return lax.logistic(x)


@sigmoid.defjvp
def _sigmoid_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return sigmoid(x), _sigmoid_slope(x) * dx


@jax.custom_jvp
def _sigmoid_slope(x: jax.Array) -> jax.Array:
    """`sigmoid(x) sigmoid(-x)`, the second factor without cancellation and in few operations."""
    p = lax.logistic(x)
    return p * jnp.where(x > 0, jnp.exp(-x) * p, 1 - p)


@_sigmoid_slope.defjvp
def _sigmoid_slope_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    slope = _sigmoid_slope(x)
    return slope, -slope * tanh(x / 2) * dx


@jax.custom_jvp
def tanh(x: jax.Array) -> jax.Array:
    """Elementwise hyperbolic tangent, `2 sigmoid(2x) - 1`.

    Its derivatives, of any order, are right in saturation too: `1 - tanh(x)^2` would be 0 as soon
    as the tanh rounds to 1, at 9 in float32.

    Example:
        >>> import jax, nn
        >>> nn.tanh(jax.numpy.zeros(1))
        Array([0.], dtype=float32)
        >>> f"{jax.grad(nn.tanh)(25.0):.2e}"
        '7.71e-22'
    """
    return lax.tanh(x)


@tanh.defjvp
def _tanh_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return tanh(x), _tanh_slope(x) * dx


@jax.custom_jvp
def _tanh_slope(x: jax.Array) -> jax.Array:
    """`1 - tanh(x)^2` as `(exp(-|x|) (1 + |tanh(x)|))^2`, in which nothing cancels."""
    root = jnp.exp(-jnp.abs(x)) * (1 + jnp.abs(lax.tanh(x)))
    return root * root


@_tanh_slope.defjvp
def _tanh_slope_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    slope = _tanh_slope(x)
    return slope, -2 * slope * tanh(x) * dx


def relu(x: jax.Array) -> jax.Array:
    """Elementwise `max(x, 0)`; the derivative at 0 is 0.

    Nair and Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines" (2010).

    Example:
        >>> import jax, nn
        >>> nn.relu(jax.numpy.array([-1.0, 2.0]))
        Array([0., 2.], dtype=float32)
    """
    return jax.nn.relu(x)


def leaky_relu(x: jax.Array, *, slope: float = 0.01) -> jax.Array:
    """Elementwise `x` where positive, `slope * x` elsewhere; the derivative at 0 is 1.

    Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models" (2013).

    Example:
        >>> import jax, nn
        >>> nn.leaky_relu(jax.numpy.array([-1.0, 2.0]), slope=0.5)
        Array([-0.5,  2. ], dtype=float32)
    """
    return jax.nn.leaky_relu(x, slope)


def elu(x: jax.Array, *, alpha: float = 1.0) -> jax.Array:
    """Elementwise `x` where positive, `alpha (exp(x) - 1)` elsewhere.

    Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network Learning by Exponential
    Linear Units" (2016).

    Example:
        >>> import jax, nn
        >>> nn.elu(jax.numpy.array([-100.0, 2.0]))
        Array([-1.,  2.], dtype=float32)
    """
    return jax.nn.elu(x, alpha)


def gelu(x: jax.Array, *, approximate: bool = True) -> jax.Array:
    """Elementwise `x Phi(x)`, with `Phi` the normal distribution function.

    It is approximated by `Phi(x) = (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2` unless
    `approximate=False`.

    Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016).

    Example:
        >>> import jax, nn
        >>> nn.gelu(jax.numpy.array([0.0, 100.0]))
        Array([  0., 100.], dtype=float32)
    """

    def near(x: jax.Array) -> jax.Array:
        # Beyond, both forms are their limits to the last bit, and their derivatives 0 times inf.
        far = jnp.abs(x) >= 40
        return jnp.where(far, relu(x), jax.nn.gelu(jnp.where(far, 0, x), approximate))

    return _in_float32("gelu", near, x)


def silu(x: jax.Array) -> jax.Array:
    """Elementwise `x sigmoid(x)`, also called swish.

    Elfwing, Uchibe and Doya, "Sigmoid-Weighted Linear Units" (2018).

    Example:
        >>> import jax, nn
        >>> nn.silu(jax.numpy.array([0.0, 100.0]))
        Array([  0., 100.], dtype=float32)
    """
    near = jnp.where(jnp.isinf(x), 0, x)  # the sigmoid's 0 times inf would be NaN
    return jnp.where(x == jnp.inf, x, near * sigmoid(near))


def softplus(x: jax.Array) -> jax.Array:
    """Elementwise `log(1 + exp(x))`, a smooth `max(x, 0)`.

    Dugas et al., "Incorporating Second-Order Functional Knowledge" (2001).

    Example:
        >>> import jax, nn
        >>> nn.softplus(jax.numpy.array([-100.0, 0.0, 100.0]))
        Array([  0.       ,   0.6931472, 100.       ], dtype=float32)
    """
    return jax.nn.softplus(x)


def softmax(x: jax.Array, *, axis: int = -1) -> jax.Array:
    """Shares that add up to 1, `exp(x) / sum(exp(x))` along `axis`.

    Computed in float32 or better, so that many float16 classes do not overflow.

    Example:
        >>> import jax, nn
        >>> nn.softmax(jax.numpy.zeros(4))
        Array([0.25, 0.25, 0.25, 0.25], dtype=float32)
    """
    return _in_float32("softmax", lambda wide: jax.nn.softmax(wide, axis=axis), x)


def log_softmax(x: jax.Array, *, axis: int = -1) -> jax.Array:
    """Logarithm of the softmax, `x - log(sum(exp(x)))` along `axis`.

    Computed in float32 or better, so that many float16 classes do not overflow.

    Example:
        >>> import jax, nn
        >>> nn.log_softmax(jax.numpy.zeros(4)).round(3)
        Array([-1.386, -1.386, -1.386, -1.386], dtype=float32)
    """
    return _in_float32("log_softmax", lambda wide: jax.nn.log_softmax(wide, axis=axis), x)


def _in_float32(who: str, fn: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    x = jnp.asarray(x)
    check_floating(who, x)
    return fn(at_least_float32(x)).astype(x.dtype)


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
        slopes = jnp.asarray(params.slope, x.dtype)
        if slopes.shape != shape:
            raise ValueError(f"{who} expected slopes of shape {shape}, got {slopes.shape}")
        # Chosen twice: `negative` is the slope's derivative, and at inf 0 times inf would be NaN.
        negative = jnp.where(x > 0, 0, x)
        return jnp.where(x > 0, x, slopes * negative)

    return learned_activation("prelu", lambda _: PReLU(jnp.full(shape, slope)), fn)
