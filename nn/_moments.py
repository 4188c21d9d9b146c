"""Mean and variance without cancellation, also for data whose mean is large."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from ._spread import with_axes


def standardise(
    x: jax.Array, mean: Callable[[jax.Array], jax.Array]
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return `x - mean(x)`, `mean(x)` and the variance of `x`, computed from shifted data.

    `E[x^2] - E[x]^2` loses all digits where the mean is large. Here `m` is a rounded mean,
    `d = x - m` and `c = mean(d)`. Since `c` is small, nothing cancels in
    `var = mean(d^2) - c^2`, and the rounding error of `d - c` is relative to `d`, not to `x`.
    The second step towards `m` makes it exact where all values are equal. The results do not
    depend on `m`, so no gradient flows through it.

    Chan, Golub and LeVeque, "Algorithms for computing the sample variance" (1983).
    """
    fixed = lax.stop_gradient(x)
    m = mean(fixed)
    m = m + mean(fixed - with_axes(m, x.ndim))
    d = x - with_axes(m, x.ndim)
    c = mean(d)
    var = mean(d * d) - c * c
    # Rounding can make the variance negative, which would be a NaN under the square root.
    return d - with_axes(c, x.ndim), m + c, jnp.where(var < 0, 0, var)


def divisor(count: jax.Array) -> jax.Array:
    """Return `count`, hidden from the compiler, so that a division by it stays a division.

    XLA may replace the division by a constant with a multiplication by its rounded reciprocal, and
    then the mean of equal numbers is not exactly that number.
    """
    return lax.optimization_barrier(count)
