"""A training from its beginning, new or a checkpoint's, to its end."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

from .._process_errors import lost_told, shared_errors
from .._processes import check_same
from .._types import Tree
from ..checkpoints.folder import Resume, open_folder
from ..curves import History
from ..steps import TrainState
from .beginning import begin, made_with
from .carry import finish
from .driver import drive
from .interruption import OnInterrupt, first_signal, tell_of_signal
from .listening import Stop, Tell
from .lockstep import Lockstep
from .nonfinite import nonfinite_error
from .plan import Plan
from .preparing import prepared
from .saving import make_save
from .stream import KEPT_BATCHES, Recent
from .task import Task


class Saving(NamedTuple):
    """Where a training saves itself, how often, and whether it goes on from there."""

    checkpoint: str | Path | None
    every: int
    keep: int
    resume: Resume
    seconds: float  # that the first of several processes waits for the others


def trained(
    plan: Plan,
    task: Task,
    saving: Saving,
    *,
    tell: Tell,
    stop: Stop,
    on_interrupt: OnInterrupt,
    donate: bool,
) -> tuple[TrainState, History]:
    """Train, and return the train state and the history.

    Args:
        plan: How to train.
        task: With which data, from where, and how much.
        saving: Where it saves itself.
        tell: Told when epochs have ended.
        stop: Asked whether the run is to end.
        on_interrupt: Whether a signal raises.
        donate: Whether the train state is given away.

    Raises:
        NonFiniteError: If a step or a validation is not finite.
        Interrupted: If a signal has come, and `on_interrupt` is "raise".
    """
    options = {"every": saving.every, "keep": saving.keep, "resume": saving.resume}
    options |= {"seconds": saving.seconds, "made_with": made_with(plan, task)}
    recent: Recent = deque(maxlen=KEPT_BATCHES)
    with ExitStack() as stack:
        stack.enter_context(lost_told())
        with shared_errors():
            folder = stack.enter_context(open_folder(saving.checkpoint, **options))
        check_same(_alike(plan, task, saving))
        lockstep = Lockstep(received=stack.enter_context(first_signal()))
        begun = partial(begin, plan, folder, task.key, task.train_state, donate=donate)
        plan, advance, carry, history, position = prepared(plan, task, begun, recent, lockstep)
        carry, history = drive(
            plan, advance, carry, history, epochs=task.epochs,
            save=make_save(folder, task.key, position), tell=tell, stop=stop, lockstep=lockstep,
        )  # fmt: skip
        number = lockstep.agreed()
    if history.stopped == "failed":
        data = task.train_data, task.validation
        raise nonfinite_error(plan, task.key, carry, history, *data, recent)
    if number:
        place = position, task.epochs, saving.checkpoint
        tell_of_signal(number, carry, history, *place, on_interrupt)
    return finish(carry), history


def _alike(plan: Plan, task: Task, saving: Saving) -> dict[str, Tree]:
    """Return by its name what several processes must have been given alike."""
    return {
        "key": task.key,
        "train_state": task.train_state,
        "epochs": task.epochs,
        "every": saving.every,
        "batch_size": plan.batch_size,
        "epochs_per_call": task.block_epochs,
        "prefetch": task.prefetch,
        "steps_per_epoch": task.steps_per_epoch,
        "every_steps": task.every_steps,
    }
