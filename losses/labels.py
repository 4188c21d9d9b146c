"""A check of class ids on the data itself, before training."""

import jax
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
    if isinstance(labels, Tracer):
        raise TypeError("check_labels needs the labels themselves; call it outside jit and vmap")
    values = np.asarray(labels)
    if not np.issubdtype(values.dtype, np.integer):
        raise TypeError(f"check_labels: labels must be integer class ids, got {values.dtype}")
    outside = (values < 0) | (values >= classes)
    if outside.any():
        index = tuple(int(i) for i in np.argwhere(outside)[0])
        shown = index[0] if len(index) == 1 else index
        raise ValueError(
            f"check_labels: labels must be in 0 .. {classes - 1}, got {values[index]} at index "
            f"{shown} ({outside.sum()} of {values.size} {'is' if outside.sum() == 1 else 'are'} "
            "outside)"
        )
