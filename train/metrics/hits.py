"""Metrics that count the rows that are classified correctly."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .._checks import check_real, check_switches, positive
from .errors import check_same_shape, of_outputs
from .sums import Mean, mean, wide


def accuracy(predictions: jax.Array, targets: jax.Array, *, where: jax.Array | None = None) -> Mean:
    """Compute the share of rows whose largest score is the label's.

    Args:
        predictions: Scores `[batch, classes]`: logits or probabilities. A row with a NaN score
            counts as wrong.
        targets: Labels `[batch]`, or a distribution `[batch, classes]` whose largest entry is the
            label. A row with a NaN target counts as wrong.
        where: `[batch]` bool, the rows that count; all of them by default. With more axes, such as
            predictions `[batch, time, classes]`, also `[batch, time]`.

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
    labels = labels_of("accuracy", predictions, targets)
    return mean(classes_of(predictions).astype(labels.dtype) == labels, where=where)


def top_k_accuracy(
    predictions: jax.Array, targets: jax.Array, *, k: int, where: jax.Array | None = None
) -> Mean:
    """Compute the share of rows whose label is among the `k` largest scores.

    Args:
        predictions: Scores `[batch, classes]`: logits or probabilities. Of equal scores the lower
            class comes first; a row with a NaN score counts as wrong.
        targets: Labels `[batch]`, or a distribution `[batch, classes]` whose largest entry is the
            label.
        k: How many scores, from 1 to the number of classes.
        where: `[batch]` bool, the rows that count; all of them by default.

    Raises:
        ValueError: If the shapes are others, or `k` is out of its range.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> scores = jnp.array([[0.2, 0.5, 0.3], [0.7, 0.2, 0.1]])
        >>> train.metrics.top_k_accuracy(scores, jnp.array([2, 2]), k=2).value
        Array(0.5, dtype=float32)
    """
    labels = labels_of("top_k_accuracy", predictions, targets)[..., None]
    classes = classes_beside(labels, predictions)
    k = positive("k", k)
    if not 1 <= k <= classes.size:
        raise ValueError(f"top_k_accuracy needs k from 1 to {classes.size} classes, got {k}")
    is_label = classes == labels
    score = jnp.where(is_label, predictions, 0).sum(axis=-1, keepdims=True)
    ahead = (predictions > score) | ((predictions == score) & (classes < labels))
    known = is_label.any(axis=-1) & ~jnp.isnan(predictions).any(axis=-1)
    return mean((ahead.sum(axis=-1) < k) & known, where=where)


def binary_accuracy(
    predictions: jax.Array,
    targets: jax.Array,
    *,
    where: jax.Array | None = None,
    from_logits: bool | None = None,
    threshold: float | jax.Array | None = None,
) -> Mean:
    """Compute the share of entries that are on the right side of a threshold.

    Args:
        predictions: Probabilities or logits `[batch, ...]`. A NaN counts as wrong.
        targets: 0 or 1, of the same shape. A NaN counts as wrong, too.
        where: `[batch]` bool, the rows that count, or `[batch, ...]`; all of them by default.
        from_logits: Whether the predictions are logits, so that above 0 means 1, or probabilities,
            so that above 0.5 does. It has no default, for the other would be counted wrongly.
        threshold: Instead of it, the prediction above which means 1.

    Raises:
        ValueError: If the shapes differ, or if neither or both of the last two are given.

    Example:
        >>> from functools import partial
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> on_logits = partial(train.metrics.binary_accuracy, from_logits=True)
        >>> on_logits(jnp.array([-3.0, 0.2, 4.0]), jnp.array([0, 0, 1])).value
        Array(0.6666667, dtype=float32)
    """
    positive, actual = binary_classes(
        "binary_accuracy", predictions, targets, from_logits, threshold
    )
    known = ~(jnp.isnan(predictions) | jnp.isnan(jnp.asarray(targets)))
    return mean((positive == actual) & known, where=where)


def binary_classes(
    name: str,
    predictions: jax.Array,
    targets: jax.Array,
    from_logits: bool | None,
    threshold: float | jax.Array | None,
) -> tuple[jax.Array, jax.Array]:
    """Return which entries are predicted to be 1 and which are, both `[batch, ...]` bool.

    Raises:
        ValueError: If the shapes differ, or if neither or both of the last two are given.
        TypeError: If `from_logits` is no bool, or the threshold no real number.
    """
    check_same_shape(name, predictions, targets)
    if (from_logits is None) == (threshold is None):
        raise ValueError(
            f"{name} must be told what the predictions are, by one of from_logits=True (above 0 "
            "means 1), from_logits=False (above 0.5 means 1) and threshold=: fix it with "
            f"functools.partial(train.metrics.{name}, from_logits=True)"
        )
    if threshold is None:
        check_switches({"from_logits": from_logits})
        threshold = 0.0 if from_logits else 0.5
    check_real("threshold", threshold)
    scores = wide(predictions)
    return scores > of_outputs(threshold, scores), wide(targets) > 0.5


def labels_of(name: str, predictions: jax.Array, targets: jax.Array) -> jax.Array:
    """Return the labels `[batch]` of scores `[batch, classes]`; that of NaN is no class, -2.

    Raises:
        ValueError: If there is one column of scores, whose largest is no choice, or if the targets
            are neither labels nor a distribution.
    """
    if predictions.ndim < 2 or predictions.shape[-1] < 2:
        binary = f"binary_{name}" if name in ("accuracy", "precision", "recall", "f1") else ""
        raise ValueError(
            f"{name} needs predictions [batch, classes] of two classes or more, got "
            f"{predictions.shape}" + (f": for one score per row use {binary}" if binary else "")
        )
    if targets.shape not in (predictions.shape, predictions.shape[:-1]):
        raise ValueError(
            f"{name} needs labels {predictions.shape[:-1]} or a distribution {predictions.shape} "
            f"as targets, got {targets.shape}: reshape them, for example targets[:, 0]"
        )
    unknown = jnp.isnan(targets)
    if targets.ndim == predictions.ndim:
        unknown, targets = unknown.any(-1), targets.argmax(-1)
    labels = jnp.where(unknown, -2, targets)
    if labels.dtype.itemsize >= 4:
        return labels
    # There may be more classes than such a type has numbers.
    return labels.astype(jnp.float32 if jnp.issubdtype(labels.dtype, jnp.floating) else jnp.int32)


def classes_beside(labels: jax.Array, predictions: jax.Array) -> jax.Array:
    """Return the classes `[..., classes]` to compare labels `[..., 1]` with, in their dtype.

    JAX would promote both, unless a user has set `jax_numpy_rank_promotion` or
    `jax_numpy_dtype_promotion`.
    """
    classes = jnp.arange(predictions.shape[-1], dtype=labels.dtype)
    return jnp.expand_dims(classes, tuple(range(labels.ndim - 1)))


def classes_of(predictions: jax.Array) -> jax.Array:
    """Return the class of the largest score, `[batch, classes]` to `[batch]`; -1 if one is NaN."""
    return jnp.where(jnp.isnan(predictions).any(-1), -1, predictions.argmax(-1))
