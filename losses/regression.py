"""Losses for targets that are real numbers; the outputs of one example are the last axis."""

import jax
import jax.numpy as jnp

from ._checks import check_number
from ._values import absolute, per_example, times


def squared_error(
    predictions: jax.Array, targets: jax.Array, *, where: jax.Array | None = None
) -> jax.Array:
    """Return the squared Euclidean distance, `[..., outputs]` and `[..., outputs]` to `[...]`.

    `L = ||y - y_hat||^2`: the sum over the outputs, without a half and without a mean.

    Args:
        predictions: `[..., outputs]` floating point; a batch of scalars is `[batch, 1]`.
        targets: `[..., outputs]` real numbers.
        where: `[...]` bool; where it is False, value and gradient are 0, whatever the inputs are.

    Raises:
        ValueError: If the shapes differ.
        TypeError: If a dtype is of the wrong kind.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> losses.squared_error(jnp.array([[1.0, 2.0], [0.0, 3.0]]), jnp.zeros((2, 2))).tolist()
        [5.0, 9.0]
    """

    def rule(p, t):
        return jnp.sum((p - t) ** 2, axis=-1)

    return per_example("squared_error", rule, predictions, targets, where, kind="real")


def absolute_error(
    predictions: jax.Array, targets: jax.Array, *, where: jax.Array | None = None
) -> jax.Array:
    """Return the sum of absolute differences, `[..., outputs]` and `[..., outputs]` to `[...]`.

    `L = ||y - y_hat||_1`; the derivative at 0 is 0.

    Args:
        predictions: `[..., outputs]` floating point.
        targets: `[..., outputs]` real numbers.
        where: `[...]` bool; where it is False, value and gradient are 0, whatever the inputs are.

    Raises:
        ValueError: If the shapes differ.
        TypeError: If a dtype is of the wrong kind.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> losses.absolute_error(jnp.array([[1.0, -2.0]]), jnp.zeros((1, 2))).tolist()
        [3.0]
    """

    def rule(p, t):
        return jnp.sum(absolute(p - t), axis=-1)

    return per_example("absolute_error", rule, predictions, targets, where, kind="real")


def huber(
    predictions: jax.Array,
    targets: jax.Array,
    *,
    delta: float | jax.Array = 1.0,
    where: jax.Array | None = None,
) -> jax.Array:
    """Return half the squared error up to `delta`, and linear beyond, `[..., outputs]` to `[...]`.

    With `r = |y - y_hat|`: `r^2 / 2` where `r <= delta`, else `delta (r - delta / 2)`, summed over
    the outputs. P. J. Huber, Robust Estimation of a Location Parameter, 1964.

    Args:
        predictions: `[..., outputs]` floating point.
        targets: `[..., outputs]` real numbers.
        delta: The distance at which the parabola turns into a line; above 0.
        where: `[...]` bool; where it is False, value and gradient are 0, whatever the inputs are.

    Raises:
        ValueError: If the shapes differ or `delta` is not above 0.
        TypeError: If a dtype is of the wrong kind.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> losses.huber(jnp.array([[1.0], [3.0]]), jnp.zeros((2, 1)), delta=2.0).tolist()
        [0.5, 4.0]
    """
    check_number("huber", "delta", delta, "above 0", lambda value: value > 0)

    def rule(p, t):
        distance = absolute(p - t)
        near = jnp.minimum(distance, delta)
        return jnp.sum(near**2 / 2 + times(distance - near, delta), axis=-1)

    return per_example("huber", rule, predictions, targets, where, kind="real")


def poisson_nll(
    log_rates: jax.Array, counts: jax.Array, *, where: jax.Array | None = None
) -> jax.Array:
    """Return the Poisson loss of counts, `[..., outputs]` and `[..., outputs]` to `[...]`.

    `L = exp(z) - k z`, summed over the outputs: the negative log likelihood of the count `k` under
    a Poisson distribution. `z` is the logarithm of the expected count, so it may be any real
    number. The term `log k!` is left out, since it does not depend on `z`. A negative count gives
    NaN.

    Args:
        log_rates: `[..., outputs]` floating point.
        counts: `[..., outputs]`, 0 or more.
        where: `[...]` bool; where it is False, value and gradient are 0, whatever the inputs are.

    Raises:
        ValueError: If the shapes differ.
        TypeError: If a dtype is of the wrong kind.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> losses.poisson_nll(jnp.zeros((2, 1)), jnp.array([[0], [1]])).tolist()
        [1.0, 1.0]
    """

    def rule(z, k):
        k = k * jnp.where(k >= 0, 1, jnp.nan)
        # At z = inf the loss is infinite; without this, inf - inf would make it NaN.
        linear = times(k, jnp.where(z == jnp.inf, 0, z))
        return jnp.sum(jnp.exp(z) - linear, axis=-1)

    return per_example("poisson_nll", rule, log_rates, counts, where, kind="counts")
