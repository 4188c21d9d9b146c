"""Training as most people call it: a compiled run, driven in blocks of epochs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .. import data as datasets
from .. import gradients
from .._checks import check_sets, check_sources, positive
from ..checkpoints.folder import make_keeper
from ..curves.history import History
from ..log import Callback
from ..steps.objectives import check_targets
from ..steps.state import TrainState
from .carry import Carry, Plan, beside, finish, reopen, start
from .host_batches import Source, make_stream
from .interruption import interruptible
from .nonfinite import nonfinite_error
from .progress import reporter
from .whole_run import Data, make_block

Advance = Callable[[Carry], tuple[Carry, dict[str, jax.Array]]]


def fit(
    key: jax.Array,
    train_state: TrainState,
    objective: Callable,
    optimizer: optax.GradientTransformation,
    train_data: Data | Source,
    *,
    validation: Data | Source | None = None,
    epochs: int,
    batch_size: int,
    gradient: gradients.Gradient = gradients.reverse,
    accumulate: int = 1,
    on_nonfinite: Literal["raise", "skip"] = "raise",
    patience: int | None = None,
    keep_best: bool = False,
    epochs_per_call: int = 1,
    prefetch: int = 2,
    progress: bool | None = None,
    callback: Callback | Sequence[Callback] | None = None,
    checkpoint: str | Path | None = None,
    every: int = 1,
    keep: int = 3,
    resume: bool = False,
) -> tuple[TrainState, History]:
    """Trains for `epochs` passes, and watches over it: `make_run` in blocks of epochs.

    The result is that of `make_run` with the same arguments, bit for bit. Between two blocks there
    is progress, logging, saving and stopping; within one the carry's buffers are donated from epoch
    to epoch. The `train_state` that is passed in is copied first, and stays valid.

    Ctrl-C and SIGTERM let the block that is running end, save it when there is a `checkpoint`, and
    return what there is; a second Ctrl-C raises `KeyboardInterrupt`.

    Args:
        key: the randomness of the whole run. An `rbg` key, `jax.random.key(0, impl="rbg")`, draws
            dropout masks faster; under `vmap` its numbers differ from those of a loop.
        train_state: from `train.init`, or where an earlier training ended.
        objective: see `make_run`, as `optimizer`, `epochs`, `batch_size`, `gradient`,
            `accumulate`, `patience` and `keep_best`.
        optimizer: any optax transformation.
        train_data: arrays `(x, y)`; or, when they do not fit the device, host batches `(x, y)` of
            at most `batch_size` rows, from an iterable that can be read once per epoch or from a
            function `epoch -> iterable`. Their order is the source's.
        validation: arrays, or where `train_data` is host batches, those, too; measured after every
            epoch, never trained on.
        epochs: how many in all, those before a resume included.
        batch_size: rows of a step.
        gradient: how to differentiate.
        accumulate: micro-batches per step.
        on_nonfinite: "raise" ends the training with `NonFiniteError`, "skip" leaves such a step's
            update out and counts it in the curve `skipped`.
        patience: epochs without a lower loss before it stops.
        keep_best: return the train state of the best epoch.
        epochs_per_call: epochs of one block, one call of the device. More save the time between
            two epochs, which counts when an epoch takes milliseconds. Host batches make it 1.
        prefetch: how many host batches are copied ahead of their use.
        progress: a line per epoch where the output is a terminal; None: where rich is installed.
        callback: called with `(epoch, row)` after every epoch, one or several; `train.log` has
            JSON lines and TensorBoard.
        checkpoint: a folder to save everything to, so that a killed run can go on.
        every: epochs between two checkpoints, rounded up to the end of a block.
        keep: how many checkpoints stay.
        resume: go on from the newest checkpoint in the folder, if there is one. A run that had no
            patience left goes on if there is more of it now; one that ended with `NonFiniteError`
            goes on from its last checkpoint. Batch size, rows and whether there is validation data
            must be as before; other metrics may be measured, their curves are NaN elsewhere.

    Raises:
        NonFiniteError: when a step is not finite, with the state from before it.
        ValueError: for options out of their range and data that do not fit each other or the
            model, before anything compiles.
        TypeError: for data that are not arrays, or features that are not floating.

    Example:
        >>> import optax, train
        >>> def apply(params, state, x, *, key=None, train=False, mask=None):
        ...     return x @ params, state
        >>> def loss(predictions, targets, *, where=None):
        ...     return (predictions - targets) ** 2
        >>> optimizer = optax.sgd(0.3)
        >>> x = jnp.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> train_state = train.init(jnp.zeros(2), (), optimizer)
        >>> train_state, history = train.fit(
        ...     jax.random.key(0), train_state, train.supervised(apply, loss), optimizer,
        ...     (x, x @ jnp.array([2.0, 3.0])), epochs=20, batch_size=2,
        ... )
        >>> train_state.params.round(2)
        Array([2., 3.], dtype=float32)
    """
    epochs = positive("epochs", epochs)
    epochs_per_call = positive("epochs_per_call", epochs_per_call)
    plan = Plan(
        objective, optimizer, batch_size, gradient, accumulate, on_nonfinite, patience, keep_best
    )
    if isinstance(train_data, tuple):
        check_sets(train_data, validation, batch_size=batch_size)
        check_targets(objective, train_state, train_data, validation)
    else:
        check_sources(train_data, validation, epochs=epochs)
    made_with = _made_with(train_data, validation, plan)
    keeper = make_keeper(checkpoint, every=every, keep=keep, resume=resume, made_with=made_with)
    carry, history = keeper.resume(beside(start(plan, train_state), train_data), key)
    carry = reopen(plan, carry)
    if isinstance(train_data, tuple):
        advance = _in_memory(plan, key, train_data, validation, epochs, epochs_per_call)
    else:
        advance = make_stream(plan, key, train_data, validation, prefetch=prefetch)
    report = reporter(progress, epochs)
    callbacks = [callback] if callable(callback) else callback or ()

    def after(carry: Carry, history: History, before: int, *, last: bool) -> None:
        keeper.save(carry, key, history, before=before, last=last)
        rows = history.rows()[before:]
        report(rows)
        for row in rows:
            for call in callbacks:
                call(row["epoch"], row)

    carry, history = _drive(advance, carry, history, epochs, after)
    if carry.watch.bad.any():
        raise nonfinite_error(carry, history, train_data)
    return finish(plan, carry), history


def _drive(
    advance: Advance, carry: Carry, history: History, epochs: int, after: Callable[..., None]
) -> tuple[Carry, History]:
    """Block after block until the epochs are made, the run stops, or a signal comes."""
    over = history.epochs >= epochs or bool(carry.watch.stopped)
    with interruptible() as interrupted:
        while not over:
            carry, curves = advance(carry)
            before, history = history.epochs, _extend(history, carry, curves)
            over = history.epochs >= epochs or bool(carry.watch.stopped) or interrupted()
            if history.epochs > before:
                after(carry, history, before, last=over)
    return carry, history


def _in_memory(
    plan: Plan, key: jax.Array, train_data: Data, validation: Any, epochs: int, epochs_per_call: int
) -> Advance:
    """Blocks of epochs over arrays that are on the device."""
    block = jax.jit(make_block(plan, min(epochs_per_call, epochs)), donate_argnums=1)
    train_data, validation = jax.tree.map(jnp.asarray, (train_data, validation))
    return lambda carry: block(key, carry, train_data, validation, epochs)


def _made_with(train_data: Data | Source, validation: Any, plan: Plan) -> dict[str, int | bool]:
    """What a resumed run must have in common with the one before, or its epochs are others."""
    common: dict[str, int | bool] = {"validation": validation is not None}
    if not isinstance(train_data, tuple):
        return common  # whose epochs are the source's
    return common | {"batch_size": plan.batch_size, "rows": datasets.length(train_data)}


def _extend(history: History, carry: Carry, curves: dict[str, jax.Array]) -> History:
    """The history with the epochs that a block has made."""
    made = int(carry.watch.done) - history.epochs
    new = {name: np.asarray(curve)[:made] for name, curve in curves.items()}
    # A resumed run may have other metrics; where one was not measured, its curve is NaN.
    before = {name: np.full(history.epochs, np.nan) for name in new.keys() - history.curves.keys()}
    after = {name: np.full(made, np.nan) for name in history.curves.keys() - new.keys()}
    history = replace(history, curves={**history.curves, **before}).append(new | after)
    failed_step = int(carry.train_state.step) if carry.watch.bad.any() else -1
    return History(history.curves, history.epochs, float(carry.watch.untrained_loss), failed_step)
