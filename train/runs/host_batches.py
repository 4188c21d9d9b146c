"""Batches that the host brings: checked, padded, and put on the device ahead of their use."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, TypeGuard, TypeVar

import jax
import numpy as np

from .._types import Data, Tree
from ..data.accepted import batch_of
from ..data.row_shapes import check_alike
from ..steps import Batch, TrainState
from ..steps.optional import check_targets
from .plan import Plan
from .sources import Source

T = TypeVar("T")


def is_arrays(data: Source | Data | None) -> TypeGuard[Data]:
    """Return whether data are arrays `(x, y)`, not a source of host batches.

    Example:
        >>> is_arrays((np.ones((2, 3)), np.ones(2))), is_arrays([(np.ones((2, 3)), np.ones(2))])
        (True, False)
    """
    return isinstance(data, tuple)


def ahead(batches: Iterable[tuple[T, Any]], count: int) -> Iterator[tuple[T, T, Any]]:
    """Put batches on the device `count` ahead of their use, so that copying overlaps with work.

    Args:
        batches: Pairs of a batch and anything else.
        count: How many wait on the device at most.

    Yields:
        The batch on the host, the same on the device, and what came with it.

    Example:
        >>> [(host, int(batch), at) for host, batch, at in ahead([(1, "a"), (2, "b")], 2)]
        [(1, 1, 'a'), (2, 2, 'b')]
    """
    waiting: deque[tuple[T, T, Any]] = deque()
    for batch, other in batches:
        waiting.append((batch, jax.device_put(batch), other))
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting


def pad(x: Tree, y: Tree, batch_size: int) -> Batch:
    """Return a batch of `batch_size` rows on the host; rows that are missing are zero and masked.

    Raises:
        ValueError: If there are more rows than that.

    Example:
        >>> pad(np.ones((2, 3)), np.ones(2), 4).mask
        array([ True,  True, False, False])
    """
    rows = len(jax.tree.leaves(x)[0])
    if rows > batch_size:
        raise ValueError(f"batch_size={batch_size}, but the source gave a batch of {rows} rows")

    def longer(leaf: np.ndarray | jax.Array) -> np.ndarray:
        return np.pad(leaf, [(0, batch_size - rows)] + [(0, 0)] * (leaf.ndim - 1))

    mask: Tree = np.arange(batch_size) < rows  # NumPy's until it is copied to the device
    return Batch(jax.tree.map(longer, x), jax.tree.map(longer, y), mask)


def batches_of(
    plan: Plan,
    pairs: Iterable[Data],
    train_state: TrainState,
    name: str,
    validation: Data | None,
    *,
    number: int,
    start: int = 0,
) -> Iterator[Batch]:
    """Yield the batches of epoch `number`, of which `start` have been read before.

    The first one is checked, and where there are validation arrays their rows against its rows.
    """
    made = start - 1
    for made, pair in enumerate(pairs, start):
        x, y = batch_of(f"the {name}", pair)
        if made == start:
            if validation is not None:
                check_alike((x, y), validation)
            check_targets(plan.objective, train_state, (x, y), validation)
        yield pad(x, y, plan.batch_size)
    if made < 0:
        raise ValueError(
            f"the {name} gave no batch in epoch {number + 1}; a generator can be read only once: "
            "pass a function of the epoch that makes one"
        )
