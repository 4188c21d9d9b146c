"""The best possible loss, where a perfect prediction shows it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import jax
import numpy as np

from .. import data as datasets
from .._programs import program
from .._types import Tree
from .contracts import AnyLoss, Objective
from .objectives import SupervisedObjective

_ROWS = 4  # rows that are tried
_CLASSES = 100_000  # more are no labels
_SURE = 1e4  # a logit that says 1 or, negative, 0


def known_optimum(objective: Objective, y: Tree) -> float:
    """Return 0 where the loss of perfect predictions is 0, else NaN: the best loss is not known.

    Perfect are the targets themselves, or logits that are sure of them. A loss that takes other
    predictions, such as the mean and the variance of a likelihood, is not known.

    Args:
        objective: What `supervised` makes; of any other nothing is known.
        y: The targets `[rows, ...]`.

    Example:
        >>> from gradwise import losses, train
        >>> def apply(params, state, x, *, key=None, train=False, mask=None):
        ...     return x @ params, state
        >>> known_optimum(train.supervised(apply, losses.squared_error), np.ones((3, 2)))
        0.0
    """
    leaves = jax.tree.leaves(y)
    if (
        not leaves
        or not isinstance(objective, SupervisedObjective)
        or not all(getattr(leaf, "is_fully_addressable", True) for leaf in leaves)
    ):
        return math.nan
    shown = datasets.take(y, np.arange(min(_ROWS, datasets.length(y))))
    y = jax.tree.map(np.asarray, shown)
    for predictions in _perfect(y):
        given = predictions, y
        try:
            values = program(_of, objective.loss, arguments=given)(*given)
        except Exception:  # whatever a loss raises for predictions that it does not take
            continue
        if np.abs(values).max() < 1e-6:
            return 0.0
    return math.nan


def _of(loss: AnyLoss) -> Callable[[Tree, Tree], jax.Array]:
    return lambda predictions, y: loss(predictions, y)


def _are_labels(y: np.ndarray) -> bool:
    """Return whether integers may be labels, not counts or times that no model has outputs for."""
    return bool(y.min() >= 0 and y.max() < _CLASSES)


def _perfect(y: Tree) -> Iterator[Tree]:
    """Yield what a model may predict that knows the targets."""
    if isinstance(y, np.ndarray) and np.issubdtype(y.dtype, np.integer) and _are_labels(y):
        classes = np.arange(max(2, int(y.max()) + 1))
        yield np.where(y[..., None] == classes, _SURE, -_SURE).astype(np.float32)
    yield jax.tree.map(lambda leaf: leaf.astype(np.promote_types(leaf.dtype, np.float32)), y)
    if isinstance(y, np.ndarray) and ((y == 0) | (y == 1)).all():
        yield np.where(y == 1, _SURE, -_SURE).astype(np.float32)
