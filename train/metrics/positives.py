"""Precision, recall and F1 of the label 1 of yes-or-no outputs."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .hits import binary_classes
from .sums import Mean, entries


def binary_precision(
    predictions: jax.Array,
    targets: jax.Array,
    *,
    where: jax.Array | None = None,
    from_logits: bool | None = None,
    threshold: float | jax.Array | None = None,
) -> Mean:
    """Compute the share of the entries taken for 1 that are 1; NaN where none is taken for it.

    Args:
        predictions: Probabilities or logits `[batch, ...]`. A NaN is not taken for 1.
        targets: 0 or 1, of the same shape.
        where: `[batch]` bool, the rows that count, or `[batch, ...]`; all of them by default.
        from_logits: Whether the predictions are logits or probabilities, see `binary_accuracy`.
        threshold: Instead of it, the prediction above which means 1.

    Raises:
        ValueError: If the shapes differ, or if neither or both of the last two are given.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> logits, labels = jnp.array([-3.0, 0.2, 4.0]), jnp.array([0, 0, 1])
        >>> train.metrics.binary_precision(logits, labels, from_logits=True).value
        Array(0.5, dtype=float32)
    """
    right, taken, _ = _counts(
        "binary_precision", predictions, targets, where, from_logits, threshold
    )
    return Mean(right, taken)


def binary_recall(
    predictions: jax.Array,
    targets: jax.Array,
    *,
    where: jax.Array | None = None,
    from_logits: bool | None = None,
    threshold: float | jax.Array | None = None,
) -> Mean:
    """Compute the share of the entries that are 1 that are taken for it; NaN where none is 1.

    Args:
        predictions: Probabilities or logits `[batch, ...]`. A NaN is not taken for 1.
        targets: 0 or 1, of the same shape.
        where: `[batch]` bool, the rows that count, or `[batch, ...]`; all of them by default.
        from_logits: Whether the predictions are logits or probabilities, see `binary_accuracy`.
        threshold: Instead of it, the prediction above which means 1.

    Raises:
        ValueError: If the shapes differ, or if neither or both of the last two are given.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> logits, labels = jnp.array([-3.0, 0.2, 4.0]), jnp.array([0, 0, 1])
        >>> train.metrics.binary_recall(logits, labels, from_logits=True).value
        Array(1., dtype=float32)
    """
    right, _, ones = _counts("binary_recall", predictions, targets, where, from_logits, threshold)
    return Mean(right, ones)


def binary_f1(
    predictions: jax.Array,
    targets: jax.Array,
    *,
    where: jax.Array | None = None,
    from_logits: bool | None = None,
    threshold: float | jax.Array | None = None,
) -> Mean:
    """Compute `2 tp / (2 tp + fp + fn)` of the label 1; NaN where it is neither seen nor predicted.

    Args:
        predictions: Probabilities or logits `[batch, ...]`. A NaN is not taken for 1.
        targets: 0 or 1, of the same shape.
        where: `[batch]` bool, the rows that count, or `[batch, ...]`; all of them by default.
        from_logits: Whether the predictions are logits or probabilities, see `binary_accuracy`.
        threshold: Instead of it, the prediction above which means 1.

    Raises:
        ValueError: If the shapes differ, or if neither or both of the last two are given.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> logits, labels = jnp.array([-3.0, 0.2, 4.0]), jnp.array([0, 0, 1])
        >>> train.metrics.binary_f1(logits, labels, from_logits=True).value
        Array(0.6666667, dtype=float32)
    """
    right, taken, ones = _counts("binary_f1", predictions, targets, where, from_logits, threshold)
    return Mean(2 * right, taken + ones)


def _counts(
    name: str,
    predictions: jax.Array,
    targets: jax.Array,
    where: jax.Array | None,
    from_logits: bool | None,
    threshold: float | jax.Array | None,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Count the entries that are taken for 1 rightly, that are taken for it, and that are 1."""
    predicted, actual = binary_classes(name, predictions, targets, from_logits, threshold)
    real = entries(where, actual.shape)
    right, taken, ones = (
        (hit & real).sum(dtype=jnp.int32) for hit in (predicted & actual, predicted, actual)
    )
    return right, taken, ones
