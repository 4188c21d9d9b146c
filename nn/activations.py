"""Activations: functions of one array. PReLU, which has parameters, is in `parametric`."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from ._checks import check_floating
from ._options import check_switch
from ._precision import at_least_float32


@jax.custom_jvp
def sigmoid(x: jax.Array) -> jax.Array:
    """Compute `1 / (1 + exp(-x))` elementwise.

    Derivatives of any order keep their relative precision in saturation. The usual form
    `sigmoid(x) (1 - sigmoid(x))` is 0 as soon as the sigmoid rounds to 1, in float32 at `x = 17`.

    Example:
        >>> import jax
        >>> from gradwise import nn
        >>> nn.sigmoid(jax.numpy.zeros(1))
        Array([0.5], dtype=float32)
        >>> f"{jax.grad(nn.sigmoid)(50.0):.2e}"
        '1.93e-22'
    """
    check_floating("sigmoid", x)
    return lax.logistic(x)


@sigmoid.defjvp
def _sigmoid_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return sigmoid(x), _sigmoid_slope(x) * dx


@jax.custom_jvp
def _sigmoid_slope(x: jax.Array) -> jax.Array:
    """Compute `sigmoid(x) sigmoid(-x)`; for `x > 0` no `1 - sigmoid(x)`, which would cancel."""
    p = lax.logistic(x)
    return p * jnp.where(x > 0, jnp.exp(-x) * p, 1 - p)


@_sigmoid_slope.defjvp
def _sigmoid_slope_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    slope = _sigmoid_slope(x)
    return slope, -slope * tanh(x / 2) * dx


@jax.custom_jvp
def tanh(x: jax.Array) -> jax.Array:
    """Compute the hyperbolic tangent elementwise, `2 sigmoid(2x) - 1`.

    Derivatives of any order keep their relative precision in saturation. The usual form
    `1 - tanh(x)^2` is 0 as soon as the tanh rounds to 1, in float32 at `x = 9`.

    Example:
        >>> import jax
        >>> from gradwise import nn
        >>> nn.tanh(jax.numpy.zeros(1))
        Array([0.], dtype=float32)
        >>> f"{jax.grad(nn.tanh)(25.0):.1e}"
        '7.7e-22'
    """
    check_floating("tanh", x)
    return lax.tanh(x)


@tanh.defjvp
def _tanh_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return tanh(x), _tanh_slope(x) * dx


@jax.custom_jvp
def _tanh_slope(x: jax.Array) -> jax.Array:
    """Compute `1 - tanh(x)^2` as `(exp(-|x|) (1 + |tanh(x)|))^2`, without cancellation."""
    root = jnp.exp(-jnp.abs(x)) * (1 + jnp.abs(lax.tanh(x)))
    return root * root


@_tanh_slope.defjvp
def _tanh_slope_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    slope = _tanh_slope(x)
    return slope, -2 * slope * tanh(x) * dx


def relu(x: jax.Array) -> jax.Array:
    """Compute `max(x, 0)` elementwise; the derivative at 0 is 0.

    Nair and Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines" (2010).

    Example:
        >>> import jax
        >>> from gradwise import nn
        >>> nn.relu(jax.numpy.array([-1.0, 2.0]))
        Array([0., 2.], dtype=float32)
    """
    return jax.nn.relu(x)


def leaky_relu(x: jax.Array, *, slope: float = 0.01) -> jax.Array:
    """Compute `x` where positive and `slope * x` elsewhere; the derivative at 0 is 1.

    Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models" (2013).

    Example:
        >>> import jax
        >>> from gradwise import nn
        >>> nn.leaky_relu(jax.numpy.array([-1.0, 2.0]), slope=0.5)
        Array([-0.5,  2. ], dtype=float32)
    """
    return jax.nn.leaky_relu(x, slope)


def elu(x: jax.Array, *, alpha: float = 1.0) -> jax.Array:
    """Compute `x` where positive and `alpha (exp(x) - 1)` elsewhere.

    Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network Learning by Exponential
    Linear Units" (2016).

    Example:
        >>> import jax
        >>> from gradwise import nn
        >>> nn.elu(jax.numpy.array([-100.0, 2.0]))
        Array([-1.,  2.], dtype=float32)
    """
    return jax.nn.elu(x, alpha)


def gelu(x: jax.Array, *, approximate: bool = True) -> jax.Array:
    """Compute `x Phi(x)` elementwise, with `Phi` the normal distribution function.

    By default `Phi(x)` is approximated by `(1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`. It is
    computed in float32 or better and returned in the input's dtype.

    Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016).

    Args:
        x: Floating-point array of any shape.
        approximate: Whether to approximate `Phi`; `False` computes it exactly.

    Raises:
        TypeError: If `x` is not floating-point.

    Example:
        >>> import jax
        >>> from gradwise import nn
        >>> nn.gelu(jax.numpy.array([0.0, 100.0]))
        Array([  0., 100.], dtype=float32)
    """
    check_switch("gelu", "approximate", approximate)

    def near(x: jax.Array) -> jax.Array:
        # From 40 on both forms equal relu to the last bit, but their derivatives are 0 times
        # infinity. The inner `where` keeps these inputs out of the branch that is not taken.
        far = jnp.abs(x) >= 40
        return jnp.where(far, relu(x), jax.nn.gelu(jnp.where(far, 0, x), approximate))

    return _in_float32("gelu", near, x)


def silu(x: jax.Array) -> jax.Array:
    """Compute `x sigmoid(x)` elementwise, also called swish.

    Elfwing, Uchibe and Doya, "Sigmoid-Weighted Linear Units" (2018).

    Example:
        >>> import jax
        >>> from gradwise import nn
        >>> nn.silu(jax.numpy.array([0.0, 100.0]))
        Array([  0., 100.], dtype=float32)
    """
    finite = jnp.where(jnp.isinf(x), 0, x)  # -inf * sigmoid(-inf) would be NaN
    return jnp.where(x == jnp.inf, x, finite * sigmoid(finite))


def softplus(x: jax.Array) -> jax.Array:
    """Compute `log(1 + exp(x))` elementwise, a smooth `max(x, 0)`.

    Dugas et al., "Incorporating Second-Order Functional Knowledge" (2001).

    Example:
        >>> import jax
        >>> from gradwise import nn
        >>> nn.softplus(jax.numpy.array([-200.0, 0.0, 100.0]))
        Array([  0.       ,   0.6931472, 100.       ], dtype=float32)
    """
    return jax.nn.softplus(x)


def softmax(x: jax.Array, *, axis: int = -1) -> jax.Array:
    """Compute `exp(x) / sum(exp(x))` along `axis`: positive shares that add up to 1.

    The sum is in float32 or better, so that it does not overflow for many float16 classes; the
    result has the input's dtype.

    Raises:
        TypeError: If `x` is not floating-point.

    Example:
        >>> import jax
        >>> from gradwise import nn
        >>> nn.softmax(jax.numpy.zeros(4))
        Array([0.25, 0.25, 0.25, 0.25], dtype=float32)
    """
    return _in_float32("softmax", lambda wide: jax.nn.softmax(wide, axis=axis), x)


def log_softmax(x: jax.Array, *, axis: int = -1) -> jax.Array:
    """Compute the logarithm of the softmax, `x - log(sum(exp(x)))` along `axis`.

    The sum is in float32 or better, so that it does not overflow for many float16 classes; the
    result has the input's dtype.

    Raises:
        TypeError: If `x` is not floating-point.

    Example:
        >>> import jax
        >>> from gradwise import nn
        >>> nn.log_softmax(jax.numpy.zeros(4)).round(3)
        Array([-1.386, -1.386, -1.386, -1.386], dtype=float32)
    """
    return _in_float32("log_softmax", lambda wide: jax.nn.log_softmax(wide, axis=axis), x)


def _in_float32(who: str, fn: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """Compute `fn(x)` in float32 or better and return it in the dtype of `x`."""
    x = jnp.asarray(x)
    check_floating(who, x)
    return fn(at_least_float32(x)).astype(x.dtype)
