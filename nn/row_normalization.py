"""Layer norm and RMS norm, which normalise each row by itself."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ._checks import check_features
from ._moments import divisor, standardise
from ._options import check_number, positive_int
from ._precision import at_least_float32
from ._spread import beside
from .layer import Layer, hiding


class LayerNorm(NamedTuple):
    """Parameters of `layer_norm`.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import nn
        >>> params = nn.LayerNorm(gamma=jnp.array([2.0, 2.0]), beta=jnp.array([0.0, 1.0]))
        >>> nn.layer_norm(2).apply(params, (), jnp.array([100.0, 300.0]))[0].round(2).tolist()
        [-2.0, 3.0]
    """

    gamma: jax.Array  # [features]
    beta: jax.Array  # [features]


class RMSNorm(NamedTuple):
    """Parameters of `rms_norm`.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import nn
        >>> params = nn.RMSNorm(gamma=jnp.array([1.0, 10.0]))
        >>> nn.rms_norm(2).apply(params, (), jnp.array([300.0, -300.0]))[0].round(3)
        Array([  1., -10.], dtype=float32)
    """

    gamma: jax.Array  # [features]


def layer_norm(features: int, *, eps: float = 1e-5) -> Layer[LayerNorm, tuple[()]]:
    """Return the layer that normalises the last axis, `[..., features]` to the same shape.

    `y = gamma (x - mean) / sqrt(var + eps) + beta`, with the mean and the variance of each row. It
    is computed in float32 or better and returned in the input's dtype.

    Ba, Kiros and Hinton, "Layer Normalization" (2016).

    Args:
        features: Size of the last axis.
        eps: Added to the variance.

    Raises:
        ValueError: If `features` is below 1, `eps` is not positive, or the input's last axis is
            not `features`.
        TypeError: If an argument is not a number, or the input is not floating-point.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.layer_norm(2)
        >>> params, state = layer.init(jax.random.key(0))
        >>> layer.apply(params, state, jnp.array([[1.0, 3.0], [5.0, 5.0]]))[0].round(3)
        Array([[-1.,  1.],
               [ 0.,  0.]], dtype=float32)
    """
    who = f"layer_norm({features})"
    features = positive_int(who, "features", features)
    check_number(who, "eps", eps, "positive", lambda value: value > 0)

    def mean(v: jax.Array) -> jax.Array:
        return jnp.sum(v, axis=-1, keepdims=True) / divisor(jnp.asarray(features, v.dtype))

    def fn(params: LayerNorm, x: jax.Array) -> jax.Array:
        check_features(who, x, features)
        centred, _, var = standardise(at_least_float32(x), mean)
        gamma = beside(x, at_least_float32(params.gamma))
        beta = beside(x, at_least_float32(params.beta))
        return (centred * lax.rsqrt(var + eps) * gamma + beta).astype(x.dtype)

    return hiding(who, lambda _: LayerNorm(jnp.ones(features), jnp.zeros(features)), fn, LayerNorm)


def rms_norm(features: int, *, eps: float = 1e-5) -> Layer[RMSNorm, tuple[()]]:
    """Return the layer that divides the last axis, `[..., features]`, by its root mean square.

    `y = gamma x / sqrt(mean(x^2) + eps)`, computed in float32 or better and returned in the
    input's dtype.

    Zhang and Sennrich, "Root Mean Square Layer Normalization" (2019).

    Args:
        features: Size of the last axis.
        eps: Added to the mean square.

    Raises:
        ValueError: If `features` is below 1, `eps` is not positive, or the input's last axis is
            not `features`.
        TypeError: If an argument is not a number, or the input is not floating-point.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
        >>> layer = nn.rms_norm(2)
        >>> params, state = layer.init(jax.random.key(0))
        >>> layer.apply(params, state, jnp.array([3.0, -3.0]))[0].round(3)
        Array([ 1., -1.], dtype=float32)
    """
    who = f"rms_norm({features})"
    features = positive_int(who, "features", features)
    check_number(who, "eps", eps, "positive", lambda value: value > 0)

    def fn(params: RMSNorm, x: jax.Array) -> jax.Array:
        check_features(who, x, features)
        wide = at_least_float32(x)
        mean_square = jnp.mean(wide * wide, axis=-1, keepdims=True)
        gamma = beside(x, at_least_float32(params.gamma))
        return (wide * lax.rsqrt(mean_square + eps) * gamma).astype(x.dtype)

    return hiding(who, lambda _: RMSNorm(jnp.ones(features)), fn, RMSNorm)
