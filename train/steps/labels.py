"""Class ids among the targets, and whether a model has an output for each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._global_arrays import own_parts
from ..metrics import rows


def are_labels(loss: Callable[..., Any], scores: Any, labels: Any) -> bool:
    """Return whether targets are class ids, for which the scores have an output each.

    A loss of one output may take integers of any kind, such as counts.
    """
    if not (hasattr(labels, "dtype") and hasattr(scores, "shape")):
        return False
    if not jnp.issubdtype(labels.dtype, jnp.integer) or labels.shape != scores.shape[:-1]:
        return False
    while isinstance(loss, partial):
        loss = loss.func
    return scores.shape[-1] > 1 or "integer_labels" in getattr(loss, "__name__", "")


def check_labels(labels: jax.Array | np.ndarray, classes: int, weights: jax.Array | None) -> None:
    """Check that every label of a weight that is not 0 is a class of the model.

    Of several processes, each checks the labels that it holds.

    Raises:
        ValueError: If one is negative, or not below the number of classes.
    """
    if weights is not None and not getattr(labels, "is_fully_addressable", True):
        weights = rows(weights != 0, labels.shape)  # in parts like those of the labels
    for start, part, of_part in own_parts(labels, weights):
        outside = (part < 0) | (part >= classes)
        if outside.any() and of_part is not None:
            outside &= np.asarray(rows(of_part != 0, part.shape))
        wrong = np.argwhere(outside)
        if wrong.size:
            where = tuple(wrong[0].tolist())
            index = tuple(int(sum(both)) for both in zip(where, start, strict=True))
            raise ValueError(
                f"labels must be in 0 .. {classes - 1} for a model of {classes} outputs, got "
                f"{part[where]} at index {index}; labels that count from 1 become labels - 1, two "
                "classes need two outputs, and numbers that are no labels are floats"
            )
