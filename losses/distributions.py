"""Losses of predictions that say how uncertain they are: a variance, or several quantiles."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ._checks import check_number
from ._values import per_example


def gaussian_nll(
    predictions: jax.Array, targets: jax.Array, *, where: jax.Array | None = None
) -> jax.Array:
    """Return the Gaussian loss of mean and log-variance, `[..., 2 * outputs]` to `[...]`.

    `L = (s + (y - m)^2 exp(-s) + log(2 pi)) / 2`, summed over the outputs: the negative log density
    of `y` under a normal distribution of mean `m` and variance `exp(s)`. It is below 0 where the
    density is above 1. A model that has a variance `v` of its own passes `s = log(v)`. D. A. Nix
    and A. S. Weigend, Estimating the Mean and Variance of the Target Probability Distribution,
    1994.

    Args:
        predictions: `[..., 2 * outputs]` floating point, first the means and then the log-variances
            of all outputs.
        targets: `[..., outputs]` real numbers.
        where: `[...]` bool; where it is False, value and gradient are 0, whatever the inputs are.

    Raises:
        ValueError: If the shapes do not fit.
        TypeError: If a dtype is of the wrong kind.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> mean, variance = jnp.array([[1.0], [1.0]]), jnp.array([[1.0], [4.0]])
        >>> predictions = jnp.concatenate([mean, jnp.log(variance)], axis=-1)
        >>> [f"{loss:.3f}" for loss in losses.gaussian_nll(predictions, jnp.array([[1.0], [5.0]]))]
        ['0.919', '3.612']
    """

    def rule(p, y):
        mean, log_variance = jnp.split(p, 2, axis=-1)
        error = y - mean
        # Where the error is 0 or infinite, the standard error is so whatever the variance is; its
        # product with exp(-s / 2), or the derivative of that, could be 0 times infinity.
        plain = (error == 0) | jnp.isinf(error)
        standard = error * jnp.exp(jnp.where(plain, 0, log_variance) / -2)
        # At s = -inf the loss is infinite; without this, inf - inf would make it NaN.
        spread = jnp.where(jnp.isinf(standard) & (log_variance == -jnp.inf), 0, log_variance)
        return jnp.sum(spread + standard**2 + math.log(2 * math.pi), axis=-1) / 2

    who = "gaussian_nll"
    return per_example(who, rule, predictions, targets, where, kind="real", per_target=2)


def quantile(
    predictions: jax.Array,
    targets: jax.Array,
    *,
    quantiles: float | Sequence[float] = 0.5,
    where: jax.Array | None = None,
) -> jax.Array:
    """Return the pinball loss of quantiles, `[..., outputs * quantiles]` to `[...]`.

    `L = q r` where `r = y - y_hat` is above 0, and `(q - 1) r` below, summed over the quantiles and
    the outputs; the derivative at 0 is 0. Its mean is lowest where `y` is below `y_hat` with
    probability `q`, so that 0.05 and 0.95 are the ends of an interval that holds 90 % of the
    targets. R. Koenker and G. Bassett, Regression Quantiles, 1978.

    Args:
        predictions: `[..., outputs * quantiles]` floating point, all quantiles of the first output,
            then all of the second.
        targets: `[..., outputs]` real numbers.
        quantiles: `q`, one number or several, each between 0 and 1; by default the median, whose
            loss is half the absolute error.
        where: `[...]` bool; where it is False, value and gradient are 0, whatever the inputs are.

    Raises:
        ValueError: If the shapes do not fit, or a quantile is not between 0 and 1.
        TypeError: If a dtype is of the wrong kind.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> predictions, targets = jnp.array([[1.0, 2.0], [1.0, 2.0]]), jnp.array([[3.0], [0.0]])
        >>> print(losses.quantile(predictions, targets, quantiles=(0.1, 0.9)).round(2))
        [1.1 1.1]
    """
    wanted = np.atleast_1d(np.asarray(quantiles))
    if not wanted.size:
        raise ValueError("quantile: quantiles must be one number or several, got none")
    check_number(
        *("quantile", "quantiles", wanted, "between 0 and 1"),
        lambda q: (q > 0) & (q < 1),
        outputs=wanted.size,
    )

    def rule(p, y):
        p = jnp.reshape(p, (*y.shape, wanted.size))
        error = y[..., None] - p
        weight = wanted.astype(p.dtype)
        slope = jnp.where(error > 0, weight, jnp.where(error < 0, weight - 1, 0))
        # NaN is neither above nor below 0, and stays NaN.
        return jnp.sum(jnp.where(error == 0, 0, slope * error), axis=(-2, -1))

    return per_example(
        "quantile", rule, predictions, targets, where, kind="real", per_target=wanted.size
    )
