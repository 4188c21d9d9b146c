"""Cut a data set into folds, each of which is the validation data once."""

from __future__ import annotations

import jax
import numpy as np

from .. import data as datasets
from .._types import Data

# What is folded into the key of a search for the folds; a repeat folds in its number.
_FOLDS = 0xFFFFFFFE


def folded(key: jax.Array, data: Data, folds: int) -> tuple[Data, Data]:
    """Return the data that train and those that validate, arrays `[folds, rows, ...]`.

    The shuffled rows are cut into parts of one size; rows that are left over always train.

    Example:
        >>> x = np.arange(7.0)
        >>> (train_x, _), (validation_x, _) = folded(jax.random.key(0), (x, x), 3)
        >>> train_x.shape, validation_x.shape, len(np.unique(validation_x))
        ((3, 5), (3, 2), 6)
    """
    rows = datasets.length(data)
    order = np.asarray(jax.random.permutation(jax.random.fold_in(key, _FOLDS), rows))
    parts = order[: rows // folds * folds].reshape(folds, -1)
    rests = np.stack([np.setdiff1d(order, part, assume_unique=True) for part in parts])
    return datasets.take(data, rests), datasets.take(data, parts)
