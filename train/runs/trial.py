"""Cut a training down to one batch, to see quickly whether all of it works."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import overload

import numpy as np

from .. import data as datasets
from .._types import Data
from .sources import Source


@overload
def first_batch(data: Data | Source, batch_size: int) -> Data | Source: ...
@overload
def first_batch(data: Data | Source | None, batch_size: int) -> Data | Source | None: ...
def first_batch(data: Data | Source | None, batch_size: int) -> Data | Source | None:
    """Return the first rows of arrays, or a source of the first batch of a source.

    Example:
        >>> first_batch((np.arange(5), np.arange(5)), 2)
        (array([0, 1]), array([0, 1]))
        >>> batches = [(np.ones(2), np.ones(2))] * 3
        >>> len(list(first_batch(batches, 2)(0)))
        1
    """
    if data is None:
        return None
    if isinstance(data, tuple):
        return datasets.take(data, np.arange(min(batch_size, datasets.length(data))))

    def source(epoch: int) -> Iterable[Data]:
        return islice(data(epoch) if callable(data) else data, 1)

    return source
