"""Call a compiled block of epochs until the epochs are made, and keep the history."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

import jax
import numpy as np

from ..curves import History
from .carry import Carry, kept_epoch
from .interruption import interruptible

Advance: TypeAlias = Callable[[Carry], tuple[Carry, dict[str, jax.Array]]]
#: Called as `after(carry, history, before, last)` when a block has ended: `before` is the number of
#: epochs before it, `last` says whether the run ends with it.
After: TypeAlias = Callable[[Carry, History, int, bool], None]


def drive(
    advance: Advance, carry: Carry, history: History, epochs: int, after: After
) -> tuple[Carry, History]:
    """Make block after block until the epochs are made, the run stops, or a signal comes.

    Args:
        advance: Makes a block, `advance(carry) -> (carry, curves)`.
        carry: The run.
        history: Its curves so far.
        epochs: How many epochs are to be made in all, those in the history included.
        after: Called after each block in which an epoch was made.
    """
    over = int(history.epochs) >= epochs or bool(carry.watch.stopped)
    with interruptible() as interrupted:
        while not over:
            carry, curves = advance(carry)
            before, history = int(history.epochs), extend(history, carry, curves)
            over = int(history.epochs) >= epochs or bool(carry.watch.stopped) or interrupted()
            if int(history.epochs) > before:
                after(carry, history, before, over)
    return carry, history


def extend(history: History, carry: Carry, curves: Mapping[str, jax.Array]) -> History:
    """Return the history with the epochs that a block has made.

    A resumed run may measure other metrics than before; where one was not measured, its curve is
    NaN.

    Args:
        history: The curves before the block.
        carry: The run after it.
        curves: What the block has measured, `[epochs]`, NaN after the epochs that were made.
    """
    before = int(history.epochs)
    made = int(carry.watch.done) - before
    new = {name: np.asarray(curve)[:made] for name, curve in curves.items()}
    unknown_before = {name: np.full(before, np.nan) for name in new.keys() - history.curves.keys()}
    unknown_now = {name: np.full(made, np.nan) for name in history.curves.keys() - new.keys()}
    history = replace(history, curves={**history.curves, **unknown_before})
    return replace(
        history.append(new | unknown_now),
        untrained_loss=float(carry.watch.untrained_loss),
        failed_step=int(carry.train_state.step) if carry.watch.bad.any() else -1,
        kept_epoch=int(kept_epoch(carry)),
    )
