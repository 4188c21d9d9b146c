"""Call a compiled block of epochs until the epochs are made, and keep the history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import jax
import numpy as np

from .._process_errors import ProcessError, anywhere
from ..curves import History
from ..curves.endings import ending_number
from .carry import Carry, kept_epoch
from .ending import ending_of, failed_validation
from .listening import Stop, Tell
from .lockstep import Lockstep
from .plan import Plan

#: Goes on with a run. Host batches may pause within an epoch, and have no curves then.
Advance: TypeAlias = Callable[[Carry], tuple[Carry, dict[str, jax.Array]]]
#: Called as `save(carry, history, before)` when there may be something to save; `before` is the
#: number of epochs before.
Save: TypeAlias = Callable[[Carry, History, int], None]


def drive(
    plan: Plan,
    advance: Advance,
    carry: Carry,
    history: History,
    *,
    epochs: int,
    save: Save,
    tell: Tell,
    stop: Stop,
    lockstep: Lockstep,
) -> tuple[Carry, History]:
    """Make block after block until the epochs are made, the run stops, or a signal comes.

    Args:
        plan: How to train.
        advance: Goes on, `advance(carry) -> (carry, curves)`.
        carry: The run.
        history: Its curves so far.
        epochs: How many epochs are to be made in all, those in the history included.
        save: Called after each block.
        tell: Called after each block in which an epoch was made, and may stop the run.
        stop: Asked after each block, and before the first one of a run that goes on.
        lockstep: Keeps several processes at one step, and knows of signals.
    """
    history = replace(history, ending=ending_number("running"), failed_validation=-1)
    if int(history.epochs) >= epochs or bool(carry.watch.stopped):
        history = judged(plan, carry, history, epochs, 0)
    told_to_stop = int(history.epochs) > 0 and anywhere(partial(stop, history))
    history = stopped(history, told_to_stop)
    while history.stopped == "running":
        carry, curves = _advanced(advance, carry, history, save)
        before = int(history.epochs)
        history = extend(history, carry, curves)
        history = judged(plan, carry, history, epochs, lockstep.agreed())
        is_new = int(history.epochs) > before
        if is_new:
            with _saved_on_error(carry, history, save):
                history = stopped(history, anywhere(partial(stop, history)))
        save(carry, history, before)
        told_to_stop = False
        if is_new:
            with _saved_on_error(carry, history, save):
                told_to_stop = anywhere(partial(tell, carry, history, before))
        # A signal may have come while callbacks ran.
        if history.stopped == "running" and (lockstep.agreed() or told_to_stop):
            history = judged(plan, carry, history, epochs, lockstep.known())
            history = stopped(history, told_to_stop)
            save(carry, history, before)
    return carry, history


class SourceError(Exception):
    """A source of host batches has raised an error, after some were trained on.

    Attributes:
        error: What it raised.
        carry: The run, up to the last batch.
    """

    def __init__(self, error: Exception, carry: Carry, text: str) -> None:
        super().__init__(text)
        self.error, self.carry = error, carry


def _advanced(
    advance: Advance, carry: Carry, history: History, save: Save
) -> tuple[Carry, dict[str, jax.Array]]:
    """Go on with a run, and save it, due or not, where the source of its batches ends it."""
    try:
        return advance(carry)
    except SourceError as told:
        save(told.carry, extend(history, told.carry, {}), int(history.epochs))
        error = told.error
        error.add_note(str(told))
    raise error  # out here it keeps what it was raised from, or while another was handled


@contextmanager
def _saved_on_error(carry: Carry, history: History, save: Save) -> Iterator[None]:
    """Save a run, due or not, that an error in a user's function ends."""
    try:
        yield
    except Exception as error:
        if isinstance(error, ProcessError) and error.lost:
            raise  # no save is whole without it
        save(carry, history, int(history.epochs))
        error.add_note(f"in a callback or the stop of fit, after epoch {history.epochs}")
        raise


def stopped(history: History, told_to_stop: bool) -> History:
    """Return the history of a run that was told to stop, if it has not ended otherwise.

    Example:
        >>> stopped(History.empty(), True).stopped
        'stop'
    """
    if told_to_stop and history.stopped == "running":
        return replace(history, ending=ending_number("stop"))
    return history


def judged(plan: Plan, carry: Carry, history: History, epochs: int, number: int) -> History:
    """Return the history with the ending that the run has come to.

    Args:
        plan: How it was trained.
        carry: The run.
        history: Its curves.
        epochs: How many epochs are to be made in all.
        number: The signal that has come, or 0.
    """
    watch = jax.device_get(carry.watch._replace(best=(), average=()))
    over = int(history.epochs) >= epochs
    failed = int(failed_validation(plan, history.curves, int(history.epochs)))
    if plan.on_nonfinite == "skip" and not (over or watch.stopped):
        failed = -1  # a later epoch may have a loss
    ending = int(ending_of(plan, watch, failed, over))
    if number and ending != ending_number("failed"):
        ending = ending_number("interrupted")
    return replace(history, failed_validation=failed, ending=ending)


def extend(history: History, carry: Carry, curves: Mapping[str, jax.Array]) -> History:
    """Return the history with the epochs that a block has made.

    A resumed run may measure other metrics than before; where one was not measured, its curve is
    NaN.

    Args:
        history: The curves before the block.
        carry: The run after it.
        curves: What the block has measured, `[epochs, ...]`, NaN after the epochs that were made;
            nothing if it has paused within an epoch.
    """
    before = int(history.epochs)
    made = int(carry.watch.done) - before
    new = {name: np.asarray(curve)[:made] for name, curve in curves.items()}
    unknown_before = {
        name: np.full((before, *new[name].shape[1:]), np.nan)
        for name in new.keys() - history.curves.keys()
    }
    unknown_now = {
        name: np.full((made, *history.curves[name].shape[1:]), np.nan)
        for name in history.curves.keys() - new.keys()
    }
    history = replace(history, curves={**history.curves, **unknown_before})
    if curves:
        history = history.append(new | unknown_now)
    return replace(
        history,
        untrained_loss=float(carry.watch.untrained_loss),
        failed_step=int(carry.train_state.step) if carry.watch.bad.any() else -1,
        kept_epoch=int(kept_epoch(carry)),
    )
