"""Cut a data set into folds, each of which is the validation data once."""

from __future__ import annotations

import jax
import numpy as np
from numpy.typing import ArrayLike

from .. import data as datasets

# What is folded into the key of a search for the folds, before the number of the repeat.
_FOLDS = 0xFFFFFFFE


def fold_rows(
    key: jax.Array,
    rows: int,
    folds: int,
    *,
    repeat: int = 0,
    stratify: ArrayLike | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that train and those that validate, `[folds, rows of the part]` each.

    The shuffled rows are cut into parts of one size; rows that are left over always train. Each
    repeat shuffles anew. With the labels `stratify` `[rows]`, the parts that validate differ by at
    most one row of each label.

    Example:
        >>> training, validating = fold_rows(jax.random.key(0), 7, 3)
        >>> training.shape, validating.shape, len(np.unique(validating))
        ((3, 5), (3, 2), 6)
    """
    repeat_key = jax.random.fold_in(jax.random.fold_in(key, _FOLDS), repeat)
    parts = datasets.folds(repeat_key, rows, folds, stratify=stratify)
    every = np.arange(rows)
    return np.stack([np.setdiff1d(every, part, assume_unique=True) for part in parts]), parts
