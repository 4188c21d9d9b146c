"""Metrics as pairs (total, count): right over padded rows and over batches of any size.

A metric is a function `metric(predictions, targets, *, where=None) -> Mean`. Pairs of several
batches are added, and only then divided, so that a last batch of three rows weighs as much as three
rows. Options are keywords: fix them with `functools.partial`.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Mean(NamedTuple):
    """A sum and the weight it was summed with; `value` is their ratio, NaN when nothing was summed.

    Example:
        >>> float(Mean(jnp.array(3.0), jnp.array(4.0)).value)
        0.75
    """

    total: jax.Array  # []
    weight: jax.Array  # []

    @property
    def value(self) -> jax.Array:
        """`total / weight`, NaN where the weight is 0."""
        return jnp.where(
            self.weight == 0, jnp.nan, self.total / jnp.where(self.weight == 0, 1, self.weight)
        )


def mean(values: jax.Array, *, where: jax.Array | None = None) -> Mean:
    """Sums `values` `[batch, ...]` over the rows that `where` `[batch]` shows, in float32.

    What stands in a hidden row, NaN included, changes neither the sum nor its gradient.

    Example:
        >>> mean(jnp.array([1.0, 2.0, jnp.nan]), where=jnp.array([True, True, False])).value
        Array(1.5, dtype=float32)
    """
    values = values.astype(jnp.promote_types(values.dtype, jnp.float32))
    if where is None:
        return Mean(values.sum(), jnp.full((), values.size, values.dtype))
    real = rows(where, values.shape)
    return Mean(jnp.where(real, values, 0).sum(), real.sum(dtype=values.dtype))


def rows(where: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Spreads a mask over rows `[batch]` over values of `shape` `[batch, ...]`.

    Example:
        >>> rows(jnp.array([True, False]), (2, 3)).sum(axis=1)
        Array([3, 0], dtype=int32)
    """
    return jnp.broadcast_to(where.reshape(where.shape + (1,) * (len(shape) - where.ndim)), shape)


def accuracy(predictions: jax.Array, targets: jax.Array, *, where: jax.Array | None = None) -> Mean:
    """The share of rows whose largest score is the label's.

    `predictions` `[batch, classes]` are scores, logits or probabilities; `targets` are labels
    `[batch]` or a distribution `[batch, classes]`. A row with a NaN score is wrong.

    Raises:
        ValueError: for other shapes, and for a single column of scores, whose largest is no choice.

    Example:
        >>> scores = jnp.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
        >>> accuracy(scores, jnp.array([1, 0, 0])).value
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
    """The share of entries on the right side of `threshold`; targets are 0 or 1, of the same shape.

    With logits for predictions the threshold of probability 0.5 is 0.

    Example:
        >>> from functools import partial
        >>> on_logits = partial(binary_accuracy, threshold=0.0)
        >>> on_logits(jnp.array([-3.0, 0.2, 4.0]), jnp.array([0, 0, 1])).value
        Array(0.6666667, dtype=float32)
    """
    _same_shape("binary_accuracy", predictions, targets)
    return mean((predictions > threshold) == (targets > 0.5), where=where)


def mean_absolute_error(
    predictions: jax.Array, targets: jax.Array, *, where: jax.Array | None = None
) -> Mean:
    """The mean of `|y - y_hat|` over all entries.

    Example:
        >>> mean_absolute_error(jnp.array([1.0, 2.0]), jnp.array([1.0, 5.0])).value
        Array(1.5, dtype=float32)
    """
    _same_shape("mean_absolute_error", predictions, targets)
    return mean(jnp.abs(predictions - targets), where=where)


def r_squared(
    predictions: jax.Array,
    targets: jax.Array,
    *,
    where: jax.Array | None = None,
    target_mean: float | jax.Array = 0.0,
) -> Mean:
    """The share of variance explained, `1 - sum (y - y_hat)^2 / sum (y - mean)^2`.

    A pair cannot know the mean of rows still to come, so it is given: 0 for standardized targets.
    With the mean of the very rows that are evaluated it is the usual R^2 (over several outputs:
    weighted by their variance); with the training rows' mean it is the out-of-sample R^2 of
    Campbell and Thompson (2008).

    Example:
        >>> r_squared(jnp.array([1.0, 2.0, 4.0]), jnp.array([1.0, 2.0, 3.0]), target_mean=2.0).value
        Array(0.5, dtype=float32)
    """
    _same_shape("r_squared", predictions, targets)
    around = mean((targets - target_mean) ** 2, where=where).total
    residual = mean((targets - predictions) ** 2, where=where).total
    return Mean(around - residual, around)


def _same_shape(name: str, predictions: jax.Array, targets: jax.Array) -> None:
    if predictions.shape != targets.shape:
        raise ValueError(
            f"{name} needs predictions and targets of one shape, got {predictions.shape} and "
            f"{targets.shape}: reshape one, for example targets[:, None]"
        )
