"""Training as most people call it: a compiled run, driven in blocks of epochs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jax
import optax
from jax.sharding import NamedSharding

from .. import gradients
from .._checks import check_key, positive
from .._process_errors import shared_errors
from .._types import Data
from ..checkpoints.folder import Resume
from ..curves import History
from ..data.dealing import Shuffle
from ..log import Callback
from ..steps import Objective, TrainState
from ..steps.augmentation import Augment
from ..steps.averages import Ema
from .beginning import accepted, check_stream_options
from .best_on_host import check_host
from .interruption import OnInterrupt
from .listening import Stop, asked, teller
from .own_options import check_not_traced, check_own_options
from .plan import KeepBest, Mode, OnNonfinite, Plan
from .progress import reporter
from .sources import Source
from .task import Task
from .training import Saving, trained


def fit(
    key: jax.Array,
    train_state: TrainState,
    objective: Objective,
    optimizer: optax.GradientTransformation,
    train_data: Data | Source,
    *,
    validation: Data | Source | None = None,
    epochs: int,
    batch_size: int,
    gradient: gradients.Gradient = gradients.reverse,
    accumulate: int = 1,
    augment: Augment | None = None,
    on_nonfinite: OnNonfinite = "raise",
    patience: int | None = None,
    keep_best: KeepBest = False,
    monitor: str | None = None,
    mode: Mode | None = None,
    min_delta: float = 0.0,
    average: Ema | None = None,
    gradient_norm: bool = False,
    learning_rate: optax.Schedule | None = None,
    shuffle: Shuffle = "local",
    sharding: NamedSharding | None = None,
    stop: Stop | None = None,
    fast_dev_run: bool = False,
    epochs_per_call: int = 1,
    prefetch: int = 2,
    progress: bool | None = None,
    callback: Callback | Sequence[Callback] | None = None,
    checkpoint: str | Path | None = None,
    every: int = 1,
    keep: int = 3,
    resume: Resume = False,
    steps_per_epoch: int | None = None,
    every_steps: int | None = None,
    save_timeout: float = 600.0,
    on_interrupt: OnInterrupt = "raise",
    donate: bool = False,
) -> tuple[TrainState, History]:
    """Train for `epochs` passes and watch over it: `make_run` in blocks of epochs.

    The result is that of `make_run` with the same arguments: bit for bit on a CPU, and up to
    rounding on a GPU. Between two blocks there is progress, logging, saving and stopping; within a
    block each epoch reuses the buffers of the one before. The `train_state` that is passed in is
    copied first, leaf by leaf, and stays valid, unless `donate` gives it away.

    Beside that train state, the data and what the model holds on the way to its gradient, a
    training holds its own train state and the gradient: with Adam four times the parameters. An
    optimizer of matrix products, loops or conditions, such as Muon or a line search, holds another
    train state while it steps.

    It compiles once a process for the same objective, optimizer and shapes: the same objects, so
    make them once; what is compiled is forgotten with them. What your own code reads from outside,
    in modules, closures, containers and objects, may change between two calls: then it compiles
    again. What you have jitted yourself, or given to `jax.checkpoint`, is what it was when traced.

    Ctrl-C and SIGTERM let the running block end, or of host batches the running step; then `fit`
    saves if there is a `checkpoint`, prints a line, and raises `Interrupted`. A second Ctrl-C
    raises `KeyboardInterrupt` at once. Arrays are left only between blocks: where an epoch takes
    minutes, a signal waits for minutes.

    Args:
        key: The randomness of the whole run. An `rbg` key, `jax.random.key(0, impl="rbg")`, is
            made for TPUs; on a CPU an epoch with dropout took 1.2 to 1.35 times as long with it,
            and under `vmap` its numbers differ from those of a loop.
        train_state: From `train.init`, or where an earlier training ended.
        objective: See `make_run`, as for `optimizer`, `epochs`, `batch_size`, `gradient`,
            `accumulate`, `patience` and `keep_best`.
        optimizer: Any optax transformation.
        train_data: A tuple of arrays `(x, y)`, `[rows, ...]`, as `train.data` says; or, when they
            do not fit the device, host batches `(x, y)` of at most `batch_size` rows, from an
            iterable that can be read once for each epoch, such as a list, or from a function
            `epoch -> iterable`. Their order is the source's. An iterator that has `get_state()` and
            `set_state(state)`, as those of grain have, is resumed by them, any other by reading and
            leaving out what was trained on.
        validation: Arrays, or where `train_data` is host batches, those, too; measured after every
            epoch, never trained on.
        epochs: How many in all, those before a resume included.
        batch_size: Rows of a step.
        gradient: How to differentiate, one of `train.gradients`.
        accumulate: Micro-batches of a step.
        augment: Changes the batches of training on the device, never those of validation:
            `augment(key, x) -> x`, or `OnBatch`; see `make_step`.
        on_nonfinite: "raise" ends the training with `NonFiniteError` where a step is not finite,
            or a validation loss is NaN or minus infinity. "skip" leaves such a step's update out
            and counts it in the curve `skipped`; such an epoch is one without a better figure, and
            the error comes at the end, if no epoch had a validation loss.
        patience: Epochs in a row without a better figure after which it stops.
        keep_best: Return the train state of the best epoch, or the last one if there is none, all
            figures being NaN or infinite. True holds it on the device beside the other one, "host"
            in the memory of the host, to which it is copied after each epoch that is the best yet.
        monitor: The curve that tells which epoch is better, by default that of the validation loss,
            else of the training loss.
        mode: "min" or "max", whichever is better; "min" by default for a loss.
        min_delta: What patience takes for no progress.
        average: A moving average of the weights to validate, keep and return: `train.ema(0.999)`.
        gradient_norm: Whether there is the curve `gradient_norm`.
        learning_rate: The optimizer's schedule, for the curve `learning_rate`; `make_run` says when
            that is there without it.
        shuffle: "local" or "global", of rows that are spread over devices; see `make_run`.
        sharding: Where the rows of the data lie on a mesh, or are to lie, such as `NamedSharding(
            mesh, jax.P("data"))`, see `make_run`; by default over the axes of the train state's
            mesh that none of its leaves takes, if it lies on one. Of several processes each streams
            its own rows, an equal part of `batch_size`, and one whose source ends earlier goes on
            with none.
        stop: Ends the run where `stop(history)` is true, after a block of epochs, such as
            `lambda history: history["train_loss"][-1] < 0.1`. `history.stopped` is "stop" then.
        fast_dev_run: Whether to make one epoch of one batch of training and one of validation,
            without a checkpoint, to see whether all of it works.
        epochs_per_call: Epochs of one block, one call of the device. More save the time between
            two epochs, which counts when an epoch takes milliseconds. Host batches make it 1.
        prefetch: How many host batches are copied ahead of their use, 0 or more.
        progress: Whether to print a line for each epoch where the output is a terminal; None: if
            rich is installed.
        callback: Called with `(epoch, row)` after each epoch, one or several; one with a parameter
            `train_state` gets a copy of that, too, as it is after the block, and one that returns
            True ends the run. An error in it ends `fit`, which saves first if there is a
            `checkpoint`. `train.log` has JSON lines, CSV and TensorBoard. Of several processes each
            calls the same callbacks, and `train.log` writes in the first.
        checkpoint: A folder to save everything to, so that a killed run can go on. One run at a
            time can use it; several processes train one run, and share the disk that it is on.
        every: Epochs between two checkpoints, rounded up to the end of a block.
        keep: How many checkpoints stay.
        resume: Go on from the newest checkpoint in the folder, if there is one; with "latest good"
            from the newest that is not damaged, with a warning that names those that are. A run
            that had no patience left goes on if there is more of it now; one that ended with
            `NonFiniteError` goes on from its last checkpoint. Batch size, rows and whether there
            are validation data must be as before; other metrics may be measured, their curves are
            NaN elsewhere. A warning tells where the rest of the run will differ: rows that are
            shuffled otherwise, or over another number of devices, have another order, and another
            `jax_default_matmul_precision` or `jax_enable_x64` rounds otherwise.
        steps_per_epoch: How many host batches make an epoch, for sources without an end. An
            iterable is then read on from epoch to epoch; None: an epoch is all that a source gives.
        every_steps: Steps between two checkpoints within an epoch of host batches.
        save_timeout: Seconds that the first of several processes waits until the others have
            written what they hold of a train state that is spread over them; then `CheckpointError`
            names those that are late.
        on_interrupt: "raise" raises `Interrupted` after a signal, so that a script ends; "return"
            returns what there is, and `history.stopped` is "interrupted".
        donate: Whether `train_state` is given away: the training overwrites its arrays from the
            first block or step on, and no copy is made. Only what `fit` returns is valid then; to
            use the old one is an error of JAX, that the array has been deleted. So it is for what
            shares their memory, as what `jax.device_put` and `train.shard` have been given may.

    Returns:
        The train state and the history.

    Raises:
        NonFiniteError: If a step or a validation is not finite; the error has the state from before
            it, and says which part of the data, or which layer, it comes from if that can be told.
        Interrupted: If Ctrl-C or SIGTERM has come; it has the state, too.
        CheckpointError: If a checkpoint cannot be written; it has the state, too.
        ProcessError: If another of several processes is lost, or has failed.
        ValueError: If an option is out of its range, or if data do not fit each other or the
            model; before anything compiles.
        TypeError: If data are not numbers, or if the model does not take their dtype.
        ImportError: If there is a `checkpoint`, and safetensors is missing.

    Example:
        >>> import jax, jax.numpy as jnp, optax
        >>> from gradwise import losses, train
        >>> def apply(params, state, x, *, key=None, train=False, mask=None):
        ...     return x @ params, state
        >>> optimizer = optax.sgd(0.3)
        >>> x = jnp.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> y = x @ jnp.array([[2.0], [3.0]])
        >>> train_state = train.init(jnp.zeros((2, 1)), (), optimizer)
        >>> train_state, history = train.fit(
        ...     jax.random.key(0), train_state, train.supervised(apply, losses.squared_error),
        ...     optimizer, (x, y), epochs=20, batch_size=2,
        ... )
        >>> train_state.params.round(2).ravel()
        Array([2., 3.], dtype=float32)
    """
    plan = Plan(
        objective=objective,
        optimizer=optimizer,
        batch_size=batch_size,
        gradient=gradient,
        accumulate=accumulate,
        augment=augment,
        on_nonfinite=on_nonfinite,
        patience=patience,
        keep_best=keep_best,
        monitor=monitor,
        mode=mode,
        min_delta=min_delta,
        average=average,
        gradient_norm=gradient_norm,
        learning_rate=learning_rate,
        shuffle=shuffle,
        sharding=sharding,
    )
    check_not_traced(key, train_state, train_data if isinstance(train_data, tuple) else ())
    check_key(key)
    epochs = positive("epochs", epochs)
    task = Task(
        key=key,
        train_state=train_state,
        train_data=train_data,
        validation=validation,
        epochs=epochs,
        block_epochs=min(positive("epochs_per_call", epochs_per_call), epochs),
        prefetch=prefetch,
        steps_per_epoch=steps_per_epoch,
        every_steps=every_steps,
    )
    check_host(plan, task.block_epochs)
    check_own_options(
        progress=progress, fast_dev_run=fast_dev_run, donate=donate, prefetch=prefetch,
        save_timeout=save_timeout, checkpoint=checkpoint, on_interrupt=on_interrupt,
    )  # fmt: skip
    with shared_errors():
        task = accepted(plan, task)
    if fast_dev_run:
        task, checkpoint, resume = task.one_batch(plan.batch_size), None, False
    task = check_stream_options(task)
    return trained(
        plan,
        task,
        Saving(checkpoint, every, keep, resume, save_timeout),
        tell=teller(reporter(progress, task.epochs), callback),
        stop=asked(stop),
        on_interrupt=on_interrupt,
        donate=donate,
    )
