"""Ways to differentiate a step, each `gradient(fn, params, key) -> ((value, aux), gradient)`.

`fn(params) -> (value, aux)` is the objective with everything else fixed. Reverse mode costs a few
evaluations whatever the number of parameters; the others are there so that this can be seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from ._checks import positive

Gradient: TypeAlias = Callable[[Callable, Any, jax.Array], tuple[tuple[jax.Array, Any], Any]]

_LANES = 256  # parameters moved in one vmap by `numerical`: bounds its memory


def reverse(fn: Callable, params: Any, key: jax.Array) -> tuple[tuple[jax.Array, Any], Any]:
    """Reverse mode, `jax.value_and_grad`: one sweep back gives every derivative.

    Example:
        >>> (value, _), slope = reverse(lambda p: (p**2, None), jnp.array(3.0), jax.random.key(0))
        >>> float(value), float(slope)
        (9.0, 6.0)
    """
    del key
    return jax.value_and_grad(fn, has_aux=True)(params)


def forward(fn: Callable, params: Any, key: jax.Array) -> tuple[tuple[jax.Array, Any], Any]:
    """Forward mode, `jax.jacfwd`: one tangent per parameter, so memory and time grow with them.

    Example:
        >>> (value, _), slope = forward(lambda p: (p**2, None), jnp.array(3.0), jax.random.key(0))
        >>> float(value), float(slope)
        (9.0, 6.0)
    """
    del key

    def value_twice(params: Any) -> tuple[jax.Array, tuple[jax.Array, Any]]:
        value, aux = fn(params)
        return value, (value, aux)

    slope, (value, aux) = jax.jacfwd(value_twice, has_aux=True)(params)
    return (value, aux), slope


def numerical(fn: Callable, params: Any, key: jax.Array) -> tuple[tuple[jax.Array, Any], Any]:
    """Central differences, `(f(p + h) - f(p - h)) / 2h`: two evaluations per parameter.

    The step `h = eps^(1/3) max(1, |p|)` balances truncation against rounding (Press et al.,
    Numerical Recipes, 2007, 5.7); in float32 that leaves about three right digits.

    Example:
        >>> (value, _), slope = numerical(lambda p: (p**2, None), jnp.array(3.0), jax.random.key(0))
        >>> float(value), round(float(slope), 2)
        (9.0, 6.0)
    """
    del key
    flat, unravel = ravel_pytree(params)
    step = jnp.finfo(flat.dtype).eps ** (1 / 3)

    def difference(i: jax.Array) -> jax.Array:
        h = step * jnp.maximum(1, jnp.abs(flat[i]))
        above, below = flat.at[i].add(h), flat.at[i].add(-h)
        rise = fn(unravel(above))[0] - fn(unravel(below))[0]
        return rise / (above[i] - below[i])  # the step that was taken, after rounding

    lanes = min(_LANES, flat.size)
    whole_lanes = jnp.arange(-(-flat.size // lanes) * lanes) % flat.size  # or a rest would compile
    slopes = jax.lax.map(difference, whole_lanes, batch_size=lanes)[: flat.size]
    return fn(params), unravel(slopes.astype(flat.dtype))


def forward_gradient(*, tangents: int = 1) -> Gradient:
    """The mean of `(grad . v) v` over random tangents `v ~ N(0, 1)`: unbiased, no sweep back.

    Its variance falls as 1 / tangents and grows with the number of parameters (Baydin et al.,
    Gradients without backpropagation, 2022).

    Raises:
        ValueError: when `tangents` is not a positive integer.

    Example:
        >>> gradient = forward_gradient(tangents=64)
        >>> (value, _), slope = gradient(lambda p: (p**2, None), jnp.array(3.0), jax.random.key(0))
        >>> float(value), bool(0 < slope < 12)
        (9.0, True)
    """
    tangents = positive("tangents", tangents)

    def gradient(fn: Callable, params: Any, key: jax.Array) -> tuple[tuple[jax.Array, Any], Any]:
        flat, unravel = ravel_pytree(params)

        def along(direction: jax.Array) -> tuple[jax.Array, tuple[jax.Array, Any]]:
            value, slope, aux = jax.jvp(
                lambda p: fn(unravel(p)), (flat,), (direction,), has_aux=True
            )
            return slope, (value, aux)

        directions = jax.random.normal(key, (tangents, flat.size), flat.dtype)
        slopes, value_and_aux = jax.vmap(along, out_axes=(0, None))(directions)
        return value_and_aux, unravel(slopes @ directions / tangents)

    return gradient
