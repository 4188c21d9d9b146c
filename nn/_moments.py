"""Mean and variance that stay right for data far from zero."""

from collections.abc import Callable

import jax
from jax import lax


def standardise(
    x: jax.Array, mean: Callable[[jax.Array], jax.Array]
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return `x - mean(x)`, `mean(x)` and the variance, out of one pass over shifted data.

    With `m` a rounded mean and `d = x - m`, the rest `c = mean(d)` is small, so nothing cancels in
    `var = mean(d^2) - c^2`, and `d - c` has the error of `d` and not of `x`. `m` carries no
    gradient, since the results do not depend on it.

    Chan, Golub and LeVeque, "Algorithms for computing the sample variance" (1983).
    """
    m = lax.stop_gradient(mean(x))
    d = x - m
    c = mean(d)
    return d - c, m + c, mean(d * d) - c * c


def divisor(count: jax.Array) -> jax.Array:
    """`count` as a number that the compiler does not know, so that it divides by it.

    It would multiply by the reciprocal of a constant, and a rounded reciprocal makes the mean of
    equal numbers differ from them.
    """
    return lax.optimization_barrier(count)
