"""PReLU: the activation whose slope is learned."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ._checks import check_features, check_floating
from ._options import check_number, positive_int
from ._spread import beside
from .layer import Layer, observed_activation


class PReLU(NamedTuple):
    """Parameters of `prelu`.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import nn
        >>> params = nn.PReLU(slope=jnp.array([0.5, 0.125]))
        >>> nn.prelu(2).apply(params, (), jnp.array([[-2.0, -2.0]]))[0]
        Array([[-1.  , -0.25]], dtype=float32)
    """

    slope: jax.Array  # [features], or [] if all features share one


def prelu(features: int | None = None, *, slope: float = 0.25) -> Layer[PReLU, tuple[()]]:
    """Return the layer `x` where positive, `slope * x` elsewhere, with slopes that are learned.

    The derivative at 0 is the slope. The output has the shape and the dtype of the input.

    He et al., "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet
    Classification" (2015).

    Args:
        features: Size of the last axis, if each feature has a slope of its own; `None` for one
            slope that all features share.
        slope: Initial value of the slopes.

    Raises:
        ValueError: If `features` is below 1, or the input's last axis or the slopes do not fit it.
        TypeError: If an argument is not a number, or the input is not floating-point.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import nn
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
        slopes = params.slope
        if jnp.shape(slopes) != shape:
            raise ValueError(f"{who} expected slopes of shape {shape}, got {jnp.shape(slopes)}")
        slopes = jnp.asarray(slopes if features is None else beside(x, slopes), x.dtype)
        # `negative` is also the derivative by the slope. Without the inner `where` that derivative
        # would be 0 times infinity, a NaN, at x = inf.
        negative = jnp.where(x > 0, 0, x)
        return jnp.where(x > 0, x, slopes * negative)

    return observed_activation("prelu", lambda _: PReLU(jnp.full(shape, slope)), fn, PReLU)
