"""Metrics as pairs (total, weight), exact over padded rows and over batches of any size.

A metric is a function `metric(predictions, targets, *, where=None) -> Mean`, see `train.Metric`.
The pairs of several batches are added, and only then divided, so that a last batch of three rows
weighs as much as three rows. Options are keywords: fix them with `functools.partial`.

Example:
    >>> import jax.numpy as jnp
    >>> from gradwise import train
    >>> def error_above(predictions, targets, *, where=None):
    ...     return train.metrics.mean(jnp.abs(predictions - targets) > 0.5, where=where)
    >>> error_above(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0])).value
    Array(0.5, dtype=float32)
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Mean(NamedTuple):
    """A weighted sum and the sum of its weights; `value` is their ratio.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> float(train.metrics.Mean(jnp.array(3.0), jnp.array(4.0)).value)
        0.75
    """

    total: jax.Array  # []
    weight: jax.Array  # []

    @property
    def value(self) -> jax.Array:
        """The ratio `total / weight`, NaN where the weight is 0.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import train
            >>> float(train.metrics.Mean(jnp.array(0.0), jnp.array(0.0)).value)
            nan
        """
        # The double where: no division by 0, whose derivative would be NaN behind the selection.
        return jnp.where(
            self.weight == 0, jnp.nan, self.total / jnp.where(self.weight == 0, 1, self.weight)
        )


def mean(values: jax.Array, *, where: jax.Array | None = None) -> Mean:
    """Sum `values` `[batch, ...]` over the rows that `where` `[batch]` shows, in float32 or wider.

    What stands in a hidden row, NaN included, changes neither the sum nor its gradient.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> where = jnp.array([True, True, False])
        >>> train.metrics.mean(jnp.array([1.0, 2.0, jnp.nan]), where=where).value
        Array(1.5, dtype=float32)
    """
    values = values.astype(jnp.promote_types(values.dtype, jnp.float32))
    if where is None:
        return Mean(values.sum(), jnp.full((), values.size, values.dtype))
    real = rows(where, values.shape)
    return Mean(jnp.where(real, values, 0).sum(), real.sum(dtype=values.dtype))


def rows(where: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Broadcast a mask of rows `[batch]` to values of `shape` `[batch, ...]`.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> train.metrics.rows(jnp.array([True, False]), (2, 3)).sum(axis=1)
        Array([3, 0], dtype=int32)
    """
    return jnp.broadcast_to(where.reshape(where.shape + (1,) * (len(shape) - where.ndim)), shape)


def accuracy(predictions: jax.Array, targets: jax.Array, *, where: jax.Array | None = None) -> Mean:
    """Compute the share of rows whose largest score is the label's.

    Args:
        predictions: Scores `[batch, classes]`: logits or probabilities. A row with a NaN score
            counts as wrong.
        targets: Labels `[batch]`, or a distribution `[batch, classes]` whose largest entry is the
            label.
        where: `[batch]` bool, the rows that count; all of them by default.

    Raises:
        ValueError: If the shapes are others, or if there is a single column of scores, whose
            largest is no choice.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> scores = jnp.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
        >>> train.metrics.accuracy(scores, jnp.array([1, 0, 0])).value
        Array(0.6666667, dtype=float32)
    """
    if predictions.ndim < 2 or predictions.shape[-1] < 2:
        raise ValueError(
            "accuracy needs predictions [batch, classes] of two classes or more, got "
            f"{predictions.shape}: for one score per row use binary_accuracy"
        )
    if targets.shape not in (predictions.shape, predictions.shape[:-1]):
        raise ValueError(
            f"accuracy needs labels {predictions.shape[:-1]} or a distribution {predictions.shape} "
            f"as targets, got {targets.shape}: reshape them, for example targets[:, 0]"
        )
    labels = targets.argmax(-1) if targets.ndim == predictions.ndim else targets
    hit = (predictions.argmax(-1) == labels) & ~jnp.isnan(predictions).any(-1)
    return mean(hit, where=where)


def binary_accuracy(
    predictions: jax.Array,
    targets: jax.Array,
    *,
    where: jax.Array | None = None,
    threshold: float = 0.5,
) -> Mean:
    """Compute the share of entries on the right side of a threshold.

    Args:
        predictions: Probabilities or logits `[batch, ...]`.
        targets: 0 or 1, of the same shape.
        where: `[batch]` bool, the rows that count; all of them by default.
        threshold: A prediction above it means 1. For logits, probability 0.5 is a threshold of 0.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> from functools import partial
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> on_logits = partial(train.metrics.binary_accuracy, threshold=0.0)
        >>> on_logits(jnp.array([-3.0, 0.2, 4.0]), jnp.array([0, 0, 1])).value
        Array(0.6666667, dtype=float32)
    """
    _check_same_shape("binary_accuracy", predictions, targets)
    return mean((predictions > threshold) == (targets > 0.5), where=where)


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
    _check_same_shape("mean_absolute_error", predictions, targets)
    return mean(jnp.abs(predictions - targets), where=where)


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
    _check_same_shape("r_squared", predictions, targets)
    around_mean = mean((targets - target_mean) ** 2, where=where).total
    residual = mean((targets - predictions) ** 2, where=where).total
    return Mean(around_mean - residual, around_mean)


def _check_same_shape(name: str, predictions: jax.Array, targets: jax.Array) -> None:
    if predictions.shape != targets.shape:
        raise ValueError(
            f"{name} needs predictions and targets of one shape, got {predictions.shape} and "
            f"{targets.shape}: reshape one, for example targets[:, None]"
        )
