"""Metrics of predictions that are numbers."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .._checks import check_real
from .sums import Mean, mean, wide


def mean_absolute_error(
    predictions: jax.Array, targets: jax.Array, *, where: jax.Array | None = None
) -> Mean:
    """Compute the mean of `|y - y_hat|` over all entries of `[batch, ...]`.

    Args:
        predictions: `y_hat` `[batch, ...]`.
        targets: `y`, of the same shape.
        where: `[batch]` bool, the rows that count; all of them by default.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> train.metrics.mean_absolute_error(jnp.array([1.0, 2.0]), jnp.array([1.0, 5.0])).value
        Array(1.5, dtype=float32)
    """
    check_same_shape("mean_absolute_error", predictions, targets)
    return mean(jnp.abs(wide(predictions) - wide(targets)), where=where)


def r_squared(
    predictions: jax.Array,
    targets: jax.Array,
    *,
    where: jax.Array | None = None,
    target_mean: float | jax.Array = 0.0,
) -> Mean:
    """Compute the share of variance explained, `1 - sum (y - y_hat)^2 / sum (y - mean)^2`.

    A batch does not know the mean of the rows in other batches, so the mean is an argument: 0 for
    standardized targets. With the mean of the very rows that are evaluated, the result is the
    usual R^2; over several outputs it weights each by its variance. With the mean of the training
    rows it is the out-of-sample R^2 of Campbell and Thompson (2008).

    Args:
        predictions: `y_hat` `[batch, ...]`.
        targets: `y`, of the same shape.
        where: `[batch]` bool, the rows that count; all of them by default.
        target_mean: `mean`, a number, or one for each output.

    Raises:
        ValueError: If the shapes of predictions and targets differ.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> predictions, targets = jnp.array([1.0, 2.0, 4.0]), jnp.array([1.0, 2.0, 3.0])
        >>> train.metrics.r_squared(predictions, targets, target_mean=2.0).value
        Array(0.5, dtype=float32)
    """
    check_real("target_mean", target_mean)
    check_same_shape("r_squared", predictions, targets)
    predictions, targets = wide(predictions), wide(targets)
    around_mean = mean((targets - of_outputs(target_mean, targets)) ** 2, where=where).total
    residual = mean((targets - predictions) ** 2, where=where).total
    return Mean(around_mean - residual, around_mean)


def of_outputs(value: float | jax.Array, values: jax.Array) -> float | jax.Array:
    """Return a number, or one for each output, with as many axes as the values have.

    JAX would add them itself, unless a user has set `jax_numpy_rank_promotion`.
    """
    if not jnp.ndim(value):
        return value
    return jnp.expand_dims(jnp.asarray(value), tuple(range(values.ndim - jnp.ndim(value))))


def check_same_shape(name: str, predictions: jax.Array, targets: jax.Array) -> None:
    """Check that predictions and targets have one shape.

    Raises:
        ValueError: If they do not.
    """
    if predictions.shape != targets.shape:
        one_axis = predictions.shape == (*targets.shape, 1)
        cure = (
            "add the axis, targets[..., None]"
            if one_axis
            else f"wrap it, lambda predictions, targets, *, where: {name}(..., where=where), of "
            "the outputs that are compared"
        )
        raise ValueError(
            f"{name} needs predictions and targets of one shape, got {predictions.shape} and "
            f"{targets.shape}: {cure}"
        )
