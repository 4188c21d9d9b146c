"""Batches that the host brings, checked and padded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeGuard

from .._types import Data
from ..data.accepted import batch_of
from ..data.row_shapes import check_alike
from ..steps import Batch, TrainState
from ..steps.optional import check_targets
from .placement import Placement
from .plan import Plan
from .sources import Source


def is_arrays(data: Source | Data | None) -> TypeGuard[Data]:
    """Return whether data are arrays `(x, y)`, not a source of host batches.

    Example:
        >>> import numpy as np
        >>> is_arrays((np.ones((2, 3)), np.ones(2))), is_arrays([(np.ones((2, 3)), np.ones(2))])
        (True, False)
    """
    return isinstance(data, tuple)


def batches_of(
    plan: Plan,
    pairs: Iterable[Data],
    train_state: TrainState,
    name: str,
    validation: Data | None,
    *,
    placement: Placement,
    number: int,
    start: int = 0,
) -> Iterator[Batch]:
    """Yield the padded batches of epoch `number`, of which `start` have been read before.

    The first one is checked, and where there are validation arrays their rows against its rows.
    """
    made = start - 1
    for made, pair in enumerate(pairs, start):
        x, y = batch_of(f"the {name}", pair)
        if made == start:
            if validation is not None:
                check_alike((x, y), validation)
            check_targets(plan.objective, train_state, (x, y), validation)
        yield placement.pad(x, y)
    if made < 0:
        raise ValueError(
            f"the {name} gave no batch in epoch {number + 1}; a generator can be read only once: "
            "pass a function of the epoch that makes one"
        )
