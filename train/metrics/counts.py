"""Metrics that count labels and predictions class by class: confusion, precision, recall, F1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from .._explicit import unspread
from .hits import classes_beside, classes_of, labels_of
from .sums import Sums, entries

Average: TypeAlias = Literal["macro", "micro"] | None


class ClassCounts(NamedTuple):
    """How many rows of each class there are."""

    right: jax.Array  # [classes] int32, of rows that are of the class and predicted to be
    predicted: jax.Array  # [classes] int32
    actual: jax.Array  # [classes] int32


@dataclass(frozen=True, kw_only=True)
class _Score:
    """The last step of a score; equal ones are one function, as `Sums` wants it."""

    name: str
    average: Average

    def __call__(self, counts: ClassCounts) -> jax.Array:
        right, predicted, actual = (leaf.astype(float) for leaf in counts)
        occurs = predicted + actual > 0
        if self.average == "micro":
            right, predicted, actual = right.sum(), predicted.sum(), actual.sum()
        above, below = {
            "precision": (right, predicted),
            "recall": (right, actual),
            "f1": (2 * right, predicted + actual),
        }[self.name]
        scores = above / jnp.maximum(below, 1)
        if self.average == "micro":
            return jnp.where(below > 0, scores, jnp.nan)
        if self.average == "macro":
            total, count = jnp.where(occurs, scores, 0).sum(), occurs.sum(dtype=scores.dtype)
            return jnp.where(count > 0, total / jnp.maximum(count, 1), jnp.nan)
        return jnp.where(occurs, scores, jnp.nan)


def confusion_matrix(
    predictions: jax.Array, targets: jax.Array, *, where: jax.Array | None = None
) -> Sums:
    """Count the rows by their label and by the class of their largest score.

    The value is `[classes, classes]` int32: row i and column j hold the rows of label i that are
    taken for class j.

    Args:
        predictions: Scores `[batch, classes]`: logits or probabilities. A row with a NaN score is
            not counted.
        targets: Labels `[batch]`, or a distribution `[batch, classes]` whose largest entry is the
            label.
        where: `[batch]` bool, the rows that count; all of them by default.

    Raises:
        ValueError: If the shapes are others, or there is a single column of scores.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> scores = jnp.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
        >>> print(train.metrics.confusion_matrix(scores, jnp.array([1, 0, 0])).value)
        [[1 1]
         [0 1]]
    """
    labels = labels_of("confusion_matrix", predictions, targets)[..., None]
    classes = classes_beside(labels, predictions)
    real = entries(where, labels.shape[:-1])[..., None]
    actual = (labels == classes) & real
    predicted = classes_of(predictions)[..., None].astype(labels.dtype) == classes
    # Products of 0 and 1 are exact in any precision, and so are their sums of up to 2^24 rows.
    batch = "".join("abcdefgh"[: labels.ndim - 1])
    counts = jnp.einsum(
        f"{batch}y,{batch}z->yz",
        *(hits.astype(jnp.float32) for hits in (actual, predicted)),
        out_sharding=unspread(predicted),
    )
    return Sums(sums=counts.astype(jnp.int32), finish=_itself)


def _itself(counts: jax.Array) -> jax.Array:
    return counts


def precision(
    predictions: jax.Array,
    targets: jax.Array,
    *,
    where: jax.Array | None = None,
    average: Average = "macro",
) -> Sums:
    """Compute the share of the rows taken for a class that are of it.

    A class that is never predicted has the precision 0, as in scikit-learn, and one that occurs
    neither among the predictions nor among the labels has none: NaN, and left out of the mean.

    Args:
        predictions: Scores `[batch, classes]`: logits or probabilities. A row with a NaN score is
            taken for no class.
        targets: Labels `[batch]`, or a distribution `[batch, classes]` whose largest entry is the
            label.
        where: `[batch]` bool, the rows that count; all of them by default.
        average: "macro" is the mean over the classes that occur; "micro" counts the rows of all
            classes together; None gives one value for each class, `[classes]`.

    Raises:
        ValueError: If the shapes are others, or there is a single column of scores.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> scores = jnp.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
        >>> train.metrics.precision(scores, jnp.array([1, 0, 0]), average=None).value
        Array([1. , 0.5], dtype=float32)
    """
    return _score("precision", predictions, targets, where, average)


def recall(
    predictions: jax.Array,
    targets: jax.Array,
    *,
    where: jax.Array | None = None,
    average: Average = "macro",
) -> Sums:
    """Compute the share of the rows of a class that are taken for it.

    A class without a row that is predicted all the same has the recall 0, as in scikit-learn, and
    one that occurs neither among the predictions nor among the labels has none: NaN, and left out
    of the mean.

    Args:
        predictions: See `precision`, as for the other arguments.
        targets: Labels `[batch]` or a distribution `[batch, classes]`.
        where: `[batch]` bool, the rows that count; all of them by default.
        average: "macro", "micro" or None.

    Raises:
        ValueError: If the shapes are others, or there is a single column of scores.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> scores = jnp.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
        >>> train.metrics.recall(scores, jnp.array([1, 0, 0]), average=None).value
        Array([0.5, 1. ], dtype=float32)
    """
    return _score("recall", predictions, targets, where, average)


def f1(
    predictions: jax.Array,
    targets: jax.Array,
    *,
    where: jax.Array | None = None,
    average: Average = "macro",
) -> Sums:
    """Compute the harmonic mean of precision and recall, `2 tp / (2 tp + fp + fn)`.

    C. J. van Rijsbergen, Information Retrieval, 1979. It is made of the counts of all batches, and
    so is no mean of the batches' scores; "macro" is the mean of the classes' scores.

    Args:
        predictions: See `precision`, as for the other arguments.
        targets: Labels `[batch]` or a distribution `[batch, classes]`.
        where: `[batch]` bool, the rows that count; all of them by default.
        average: "macro", "micro" or None.

    Raises:
        ValueError: If the shapes are others, or there is a single column of scores.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> scores = jnp.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
        >>> train.metrics.f1(scores, jnp.array([1, 0, 0])).value
        Array(0.6666667, dtype=float32)
    """
    return _score("f1", predictions, targets, where, average)


def _score(
    name: str,
    predictions: jax.Array,
    targets: jax.Array,
    where: jax.Array | None,
    average: Average,
) -> Sums:
    if average not in ("macro", "micro", None):
        raise ValueError(f'{name} needs average="macro", "micro" or None, got {average!r}')
    labels = labels_of(name, predictions, targets)[..., None]
    classes = classes_beside(labels, predictions)
    real = entries(where, labels.shape[:-1])[..., None]
    chosen = classes_of(predictions)[..., None].astype(labels.dtype)
    predicted, actual = chosen == classes, labels == classes
    counts = [
        (hit & real).sum(axis=tuple(range(labels.ndim - 1)), dtype=jnp.int32)
        for hit in (predicted & actual, predicted, actual)
    ]
    return Sums(sums=ClassCounts(*counts), finish=_Score(name=name, average=average))
