"""Metrics of how good the scores themselves are, not only the largest: ranking and calibration."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .._checks import check_switches, positive
from .errors import check_same_shape
from .hits import labels_of
from .sums import Sums, entries, wide

# Logits beyond this are one bin of the ranking: float32 has no probabilities between them and 1.
_LARGEST_LOGIT = 16.0


def binary_auc(
    predictions: jax.Array,
    targets: jax.Array,
    *,
    from_logits: bool,
    where: jax.Array | None = None,
    bins: int = 1024,
) -> Sums:
    """Compute the area under the ROC curve of scores for the label 1.

    It is the probability that a random entry of label 1 has a larger score than one of label 0;
    equal scores count half (J. A. Hanley and B. J. McNeil, The Meaning and Use of the Area under a
    ROC Curve, 1982). Scores of different batches cannot be compared once they are added, so they
    are counted in `bins` bins of equal width in the logit, from -16 to 16. Two scores in one bin
    count as equal: the result differs from the exact one by at most half the share of the pairs of
    one label 1 and one label 0 that are in one bin. For logits of deviation 2 that share is about
    0.004, and the difference is less, as most of such pairs cancel.

    Args:
        predictions: Logits, or probabilities, `[batch, ...]`. A NaN counts as ranked wrongly.
        targets: 0 or 1, of the same shape. A NaN counts as a 0 that is ranked wrongly.
        from_logits: Whether the predictions are logits; else they are probabilities.
        where: `[batch]` bool, the rows that count, or `[batch, ...]`; all of them by default.
        bins: How many bins; they are what is added over the batches.

    Raises:
        ValueError: If the shapes differ, or there is no bin.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> logits, labels = jnp.array([-3.0, 0.2, 4.0, -1.0]), jnp.array([0, 0, 1, 1])
        >>> train.metrics.binary_auc(logits, labels, from_logits=True).value
        Array(0.75, dtype=float32)
    """
    check_same_shape("binary_auc", predictions, targets)
    check_switches({"from_logits": from_logits})
    bins = positive("bins", bins)
    targets = jnp.asarray(targets)
    is_one = wide(targets) > 0.5
    logits = wide(predictions)
    if not from_logits:
        logits = jnp.log(logits) - jnp.log1p(-logits)
    share = (jnp.clip(logits, -_LARGEST_LOGIT, _LARGEST_LOGIT) / _LARGEST_LOGIT + 1) / 2
    place = jnp.clip(jnp.floor(share * bins), 0, bins - 1)
    unknown = jnp.isnan(logits) | jnp.isnan(targets)
    place = jnp.where(unknown, jnp.where(is_one, 0, bins - 1), place)
    real = entries(where, is_one.shape)
    counts = [_histogram(place, shown & real, bins) for shown in (is_one, ~is_one)]
    return Sums(sums=tuple(counts), finish=_area)


def _area(counts: tuple[jax.Array, jax.Array]) -> jax.Array:
    ones, zeros = counts
    both = (ones.sum() > 0) & (zeros.sum() > 0)
    ones, zeros = (part / jnp.maximum(part.sum(), 1) for part in counts)
    area = (ones * (jnp.cumsum(zeros) - zeros / 2)).sum()
    return jnp.where(both, area, jnp.nan)


class _Bins(NamedTuple):
    """What is known of the rows whose confidence is in a bin."""

    rows: jax.Array  # [bins] int32
    right: jax.Array  # [bins] int32
    confidence: jax.Array  # [bins], the sum


def calibration_error(
    predictions: jax.Array,
    targets: jax.Array,
    *,
    from_logits: bool,
    where: jax.Array | None = None,
    bins: int = 15,
) -> Sums:
    """Compute the expected calibration error of the probability of the most probable class.

    The rows are put into `bins` bins of equal width by that probability, their confidence, and
    `sum_b n_b / n |accuracy_b - confidence_b|` is the error: 0 if of the rows with confidence 0.8
    four fifths are right (C. Guo et al., On Calibration of Modern Neural Networks, 2017).

    Args:
        predictions: Logits or probabilities `[batch, classes]`; or of the label 1 alone, with the
            shape of the targets, `[batch]` or `[batch, ..., 1]`. A row with a NaN counts as wrong
            with confidence 1.
        targets: Labels `[batch]`, or a distribution `[batch, classes]` whose largest entry is the
            label; or 0 and 1. A row with a NaN target counts as wrong.
        from_logits: Whether the predictions are logits; else they are probabilities.
        where: `[batch]` bool, the rows that count; all of them by default.
        bins: How many bins.

    Raises:
        ValueError: If the shapes do not fit, or there is no bin.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> probabilities = jnp.array([[0.25, 0.75], [0.75, 0.25]])
        >>> labels = jnp.array([1, 1])
        >>> train.metrics.calibration_error(probabilities, labels, from_logits=False).value
        Array(0.25, dtype=float32)
    """
    check_switches({"from_logits": from_logits})
    bins = positive("bins", bins)
    predictions, targets = wide(predictions), jnp.asarray(targets)
    if predictions.shape == targets.shape and (predictions.ndim < 2 or targets.shape[-1] == 1):
        one = jax.nn.sigmoid(predictions) if from_logits else predictions
        labels = jnp.where(jnp.isnan(targets), -2, (wide(targets) > 0.5).astype(jnp.int32))
        probabilities = jnp.stack([1 - one, one], axis=-1)
    else:
        labels = labels_of("calibration_error", predictions, targets)
        probabilities = jax.nn.softmax(predictions) if from_logits else predictions
    unknown = jnp.isnan(probabilities).any(axis=-1)
    confidence = jnp.where(unknown, 1, probabilities.max(axis=-1))
    right = (probabilities.argmax(axis=-1).astype(labels.dtype) == labels) & ~unknown
    place = jnp.clip(jnp.ceil(confidence * bins) - 1, 0, bins - 1)
    real = entries(where, labels.shape)
    sums = _Bins(
        rows=_histogram(place, real, bins),
        right=_histogram(place, real & right, bins),
        confidence=_histogram(place, real, bins, jnp.where(real, confidence, 0)),
    )
    return Sums(sums=sums, finish=_calibration)


def _calibration(sums: _Bins) -> jax.Array:
    count = sums.rows.sum().astype(sums.confidence.dtype)
    gaps = jnp.abs(sums.right.astype(sums.confidence.dtype) - sums.confidence).sum()
    return jnp.where(count > 0, gaps / jnp.maximum(count, 1), jnp.nan)


def _histogram(
    place: jax.Array, shown: jax.Array, bins: int, values: jax.Array | None = None
) -> jax.Array:
    """Count the shown entries in each bin, or add their values, `[...]` to `[bins]`."""
    # Not a scatter, which a mesh with explicit axes refuses.
    numbers = jnp.expand_dims(jnp.arange(bins, dtype=place.dtype), tuple(range(place.ndim)))
    inside = (place[..., None] == numbers) & shown[..., None]
    axes = tuple(range(place.ndim))
    if values is None:
        return inside.sum(axis=axes, dtype=jnp.int32)
    return jnp.where(inside, values[..., None], 0).sum(axis=axes)
