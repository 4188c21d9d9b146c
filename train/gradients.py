"""Ways to differentiate a step, each a function `gradient(fn, params, key)`.

`fn(params) -> (value, aux)` is the objective with everything else fixed, and the result is
`((value, aux), slope)`, the slope a tree like `params`. Reverse mode costs a few evaluations of
`fn` whatever the number of parameters; the other ways are there so that this can be seen.

Example:
    >>> import jax, jax.numpy as jnp
    >>> from gradwise import train
    >>> def fn(params):
    ...     return (params**3).sum(), None
    >>> for gradient in (train.gradients.reverse, train.gradients.forward):
    ...     (value, _), slope = gradient(fn, jnp.array([1.0, 2.0]), jax.random.key(0))
    ...     print(value, slope)
    9.0 [ 3. 12.]
    9.0 [ 3. 12.]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from ._checks import positive

P = TypeVar("P")  # the tree of the parameters
Aux = TypeVar("Aux")  # whatever the objective returns beside its value

_LANES = 256  # parameters that `numerical` moves in one vmap, which bounds its memory


class Gradient(Protocol):
    """A way to differentiate; `make_step(..., gradient=...)` takes any function like this.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import train
        >>> def signs(fn, params, key):
        ...     value_and_aux, slope = train.gradients.reverse(fn, params, key)
        ...     return value_and_aux, jax.tree.map(jnp.sign, slope)
        >>> gradient: train.gradients.Gradient = signs
        >>> float(gradient(lambda p: (p**2, None), jnp.array(3.0), jax.random.key(0))[1])
        1.0
    """

    def __call__(
        self, fn: Callable[[P], tuple[jax.Array, Aux]], params: P, key: jax.Array, /
    ) -> tuple[tuple[jax.Array, Aux], P]:
        """Return `((value, aux), slope)` of `fn` at `params`; randomness comes from `key`."""
        ...


def reverse(
    fn: Callable[[P], tuple[jax.Array, Aux]], params: P, key: jax.Array
) -> tuple[tuple[jax.Array, Aux], P]:
    """Differentiate in reverse mode, `jax.value_and_grad`: one backward pass for all parameters.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import train
        >>> fn = lambda p: (p**2, None)
        >>> (value, _), slope = train.gradients.reverse(fn, jnp.array(3.0), jax.random.key(0))
        >>> float(value), float(slope)
        (9.0, 6.0)
    """
    del key
    return jax.value_and_grad(fn, has_aux=True)(params)


def forward(
    fn: Callable[[P], tuple[jax.Array, Aux]], params: P, key: jax.Array
) -> tuple[tuple[jax.Array, Aux], P]:
    """Differentiate in forward mode, `jax.jacfwd`: one tangent for each parameter.

    Memory and time grow with the number of parameters.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import train
        >>> fn = lambda p: (p**2, None)
        >>> (value, _), slope = train.gradients.forward(fn, jnp.array(3.0), jax.random.key(0))
        >>> float(value), float(slope)
        (9.0, 6.0)
    """
    del key

    def value_twice(params: P) -> tuple[jax.Array, tuple[jax.Array, Aux]]:
        value, aux = fn(params)
        return value, (value, aux)

    slope, (value, aux) = jax.jacfwd(value_twice, has_aux=True)(params)
    return (value, aux), slope


def numerical(
    fn: Callable[[P], tuple[jax.Array, Aux]], params: P, key: jax.Array
) -> tuple[tuple[jax.Array, Aux], P]:
    """Differentiate by central differences, `(f(p + h) - f(p - h)) / 2h`.

    It takes two evaluations for each parameter. The step `h = eps^(1/3) max(1, |p|)` balances
    truncation against rounding (Press et al., Numerical Recipes, 2007, 5.7); in float32 about
    three digits of the result are right.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import train
        >>> fn = lambda p: (p**2, None)
        >>> (value, _), slope = train.gradients.numerical(fn, jnp.array(3.0), jax.random.key(0))
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
        return rise / (above[i] - below[i])  # by the step as it was rounded, not as it was meant

    lanes = min(_LANES, flat.size)
    # Whole blocks of lanes, the last one filled up with the first parameters: a shorter block would
    # be a second program to compile.
    indices = jnp.arange(-(-flat.size // lanes) * lanes) % flat.size
    slopes = jax.lax.map(difference, indices, batch_size=lanes)[: flat.size]
    return fn(params), unravel(slopes.astype(flat.dtype))


def forward_gradient(*, tangents: int = 1) -> Gradient:
    """Return a way to differentiate without a backward pass: an unbiased, noisy estimate.

    It is the mean of `(grad . v) v` over random tangents `v ~ N(0, 1)`. Its variance falls as
    1 / tangents and grows with the number of parameters (Baydin et al., Gradients without
    backpropagation, 2022).

    Args:
        tangents: How many tangents are drawn for an estimate.

    Raises:
        ValueError: If `tangents` is not an integer above 0.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import train
        >>> gradient = train.gradients.forward_gradient(tangents=64)
        >>> (value, _), slope = gradient(lambda p: (p**2, None), jnp.array(3.0), jax.random.key(0))
        >>> float(value), bool(0 < slope < 12)  # 6, and noise
        (9.0, True)
    """
    tangents = positive("tangents", tangents)

    def gradient(
        fn: Callable[[P], tuple[jax.Array, Aux]], params: P, key: jax.Array
    ) -> tuple[tuple[jax.Array, Aux], P]:
        flat, unravel = ravel_pytree(params)

        def slope_along(direction: jax.Array) -> tuple[jax.Array, tuple[jax.Array, Aux]]:
            value, slope, aux = jax.jvp(
                lambda p: fn(unravel(p)), (flat,), (direction,), has_aux=True
            )
            return slope, (value, aux)

        directions = jax.random.normal(key, (tangents, flat.size), flat.dtype)
        slopes, value_and_aux = jax.vmap(slope_along, out_axes=(0, None))(directions)
        return value_and_aux, unravel(slopes @ directions / tangents)

    return gradient
