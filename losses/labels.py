"""What is read off class ids before training: whether they are right, and how frequent each is."""

from typing import SupportsIndex

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer


def check_labels(labels: jax.Array | np.ndarray, classes: int) -> None:
    """Check that every label is an integer from 0 to `classes - 1`.

    A compiled loss cannot raise an error for a wrong label; it can only return NaN. This looks at
    the data before training and says where the first wrong label is.

    Args:
        labels: Integers of any shape, not traced.
        classes: Number of classes.

    Raises:
        ValueError: If a label is out of range; the message has the index of the first one.
        TypeError: If the labels are traced or not integers.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> losses.check_labels(jnp.array([0, 2, 1]), 3)
        >>> losses.check_labels(jnp.array([0, 3, 1]), 3)
        Traceback (most recent call last):
        ...
        ValueError: check_labels: labels must be in 0 .. 2, got 3 at index 1 (1 of 3 is outside)
    """
    _check("check_labels", labels, classes)


def class_weights(labels: jax.Array | np.ndarray, classes: int) -> jax.Array:
    """Return the weight of each class that makes all classes count alike, `[classes]`.

    `n / (k n_c)`, where `n_c` of the `n` labels are of class `c` and `k` classes occur: the
    "balanced" weights of scikit-learn, whose mean over the labels is 1. A class without a label has
    the weight 1. The weights of the examples are `class_weights[labels]`, for
    `mean(values, weights=...)` or for `weights=` of `train.supervised`, which divide by the sum of
    the weights. G. King and L. Zeng, Logistic Regression in Rare Events Data, 2001.

    Args:
        labels: Integers from 0 to `classes - 1` of any shape, not traced.
        classes: Number of classes.

    Raises:
        ValueError: If there is no label, or one is out of range.
        TypeError: If the labels are traced or not integers.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses
        >>> losses.class_weights(jnp.array([0, 0, 0, 0, 0, 1]), 2).tolist()
        [0.6000000238418579, 3.0]
    """
    values = _check("class_weights", labels, classes)
    if not values.size:
        raise ValueError("class_weights needs at least one label, got none")
    counts = np.bincount(values.ravel(), minlength=classes)
    occur = counts > 0
    weights = values.size / (occur.sum() * np.where(occur, counts, 1))
    return jnp.asarray(np.where(occur, weights, 1.0), jnp.float32)


def _check(who: str, labels: jax.Array | np.ndarray, classes: int) -> np.ndarray:
    """Return the labels as NumPy's, all of them from 0 to `classes - 1`."""
    if isinstance(labels, Tracer):
        raise TypeError(f"{who} needs the labels themselves; call it outside jit and vmap")
    if isinstance(classes, bool) or not isinstance(classes, SupportsIndex) or classes < 1:  # pyright: ignore
        raise ValueError(f"{who}: classes must be an integer above 0, got {classes!r}")
    values = np.asarray(labels)
    if not np.issubdtype(values.dtype, np.integer):
        raise TypeError(f"{who}: labels must be integer class ids, got {values.dtype}")
    outside = (values < 0) | (values >= classes)
    if outside.any():
        index = tuple(int(i) for i in np.argwhere(outside)[0])
        shown = index[0] if len(index) == 1 else index
        raise ValueError(
            f"{who}: labels must be in 0 .. {classes - 1}, got {values[index]} at index "
            f"{shown} ({outside.sum()} of {values.size} {'is' if outside.sum() == 1 else 'are'} "
            "outside)"
        )
    return values
