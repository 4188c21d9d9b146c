"""Mean and variance that stay right for data far from zero."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax


def standardise(
    x: jax.Array, mean: Callable[[jax.Array], jax.Array]
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return `x - mean(x)`, `mean(x)` and the variance, out of passes over shifted data.

    With `m` a rounded mean and `d = x - m`, the rest `c = mean(d)` is small, so nothing cancels in
    `var = mean(d^2) - c^2`, and `d - c` has the error of `d` and not of `x`. `m` is corrected once,
    so that it is the value itself where all are equal, and carries no gradient, since the results
    do not depend on it.

    Chan, Golub and LeVeque, "Algorithms for computing the sample variance" (1983).
    """
    fixed = lax.stop_gradient(x)
    m = mean(fixed)
    m = m + mean(fixed - m)
    d = x - m
    c = mean(d)
    var = mean(d * d) - c * c
    return d - c, m + c, jnp.where(var < 0, 0, var)  # rounding, and a NaN under a square root


def divisor(count: jax.Array) -> jax.Array:
    """`count` as a number that the compiler does not know, so that it divides by it.

    It would multiply by the reciprocal of a constant, and a rounded reciprocal makes the mean of
    equal numbers differ from them.
    """
    return lax.optimization_barrier(count)
