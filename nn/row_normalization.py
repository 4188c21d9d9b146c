"""Layer norm and RMS norm: each row is normalised by itself."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ._checks import check_features, check_number, positive_int
from ._moments import divisor, standardise
from ._precision import at_least_float32
from .layer import Layer, stateless


class LayerNorm(NamedTuple):
    """Parameters of `layer_norm`."""

    gamma: jax.Array  # [features]
    beta: jax.Array  # [features]


class RMSNorm(NamedTuple):
    """Parameters of `rms_norm`."""

    gamma: jax.Array  # [features]


def layer_norm(features: int, *, eps: float = 1e-5) -> Layer[LayerNorm, tuple[()]]:
    """Normalise the last axis, `[..., features]` to the same shape.

    `y = gamma (x - mean) / sqrt(var + eps) + beta`, computed in float32 or better and returned in
    the input's dtype.

    Ba, Kiros and Hinton, "Layer Normalization" (2016).

    Raises:
        ValueError: `features` below 1, `eps` not positive, or another last axis.
        TypeError: Arguments that are no numbers, or an input that is not floating-point.

    Example:
        >>> import jax, jax.numpy as jnp, nn
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
        return (centred * lax.rsqrt(var + eps) * params.gamma + params.beta).astype(x.dtype)

    return stateless(lambda _: LayerNorm(jnp.ones(features), jnp.zeros(features)), fn)


def rms_norm(features: int, *, eps: float = 1e-5) -> Layer[RMSNorm, tuple[()]]:
    """Divide the last axis by its root mean square, `[..., features]` to the same shape.

    `y = gamma x / sqrt(mean(x^2) + eps)`, computed in float32 or better and returned in the
    input's dtype.

    Zhang and Sennrich, "Root Mean Square Layer Normalization" (2019).

    Raises:
        ValueError: `features` below 1, `eps` not positive, or another last axis.
        TypeError: Arguments that are no numbers, or an input that is not floating-point.

    Example:
        >>> import jax, jax.numpy as jnp, nn
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
        return (wide * lax.rsqrt(mean_square + eps) * params.gamma).astype(x.dtype)

    return stateless(lambda _: RMSNorm(jnp.ones(features)), fn)
