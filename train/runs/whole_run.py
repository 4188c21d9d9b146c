"""A whole training as one pure function."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import Protocol

import jax
import jax.numpy as jnp
import optax
from jax.sharding import NamedSharding

from .. import gradients
from .._checks import check_key, positive
from .._places import on_explicit_mesh_of
from .._sharding import rows_sharding
from .._types import Data
from ..curves import History
from ..data.accepted import data_sets
from ..data.dealing import Shuffle
from ..steps import Objective, TrainState
from ..steps.augmentation import Augment
from ..steps.averages import Ema
from ..steps.state import check_train_state
from .blocks import Block, Curves, Layouts, make_block, on_devices
from .carry import Carry, finish, kept_epoch, start
from .ending import ending_of, failed_validation
from .plan import Mode, OnNonfinite, Plan


class Run(Protocol):
    """A training as a pure function, as `make_run` makes it."""

    def __call__(
        self,
        key: jax.Array,
        train_state: TrainState,
        train_data: Data,
        validation: Data | None = None,
    ) -> tuple[TrainState, History]:
        """Train from `train_state` on arrays `(x, y)`, `[rows, ...]`."""
        ...


def make_run(
    objective: Objective,
    optimizer: optax.GradientTransformation,
    *,
    epochs: int,
    batch_size: int,
    gradient: gradients.Gradient = gradients.reverse,
    accumulate: int = 1,
    augment: Augment | None = None,
    on_nonfinite: OnNonfinite = "raise",
    patience: int | None = None,
    keep_best: bool = False,
    monitor: str | None = None,
    mode: Mode | None = None,
    min_delta: float = 0.0,
    average: Ema | None = None,
    gradient_norm: bool = False,
    learning_rate: optax.Schedule | None = None,
    shuffle: Shuffle = "local",
    sharding: NamedSharding | None = None,
) -> Run:
    """Make a training `run(key, train_state, train_data, validation=None)`.

    The run is a pure function, for `jit`, `vmap`, `grad`, `lax.map` and sharded inputs: epochs and
    steps are scans, shuffling is on the device and depends on the key and the epoch alone, and the
    last batch of an epoch is padded and masked, so that the model is traced once. The epoch's
    number is `train_state.step // steps_per_epoch`, so that a run of two epochs and another of
    three from where it ended are a run of five: on a CPU bit for bit.

    Args:
        objective: What `supervised` makes, or any `Objective`.
        optimizer: Any optax transformation.
        epochs: Passes over the training data.
        batch_size: Rows of a step.
        gradient: How to differentiate, one of `train.gradients`.
        accumulate: Micro-batches of a step, see `make_step`.
        augment: Changes the batches of training, never those of validation: `augment(key, x) -> x`,
            or `OnBatch`; see `make_step`.
        on_nonfinite: A pure function cannot raise, so "raise" ends the run before the step that was
            not finite, and the history names it (`failed_step`); it also ends the run after an
            epoch whose validation loss is NaN or minus infinity (`failed_validation`). "skip"
            leaves out such a step's update and counts it in the curve `skipped`, and such an epoch
            is one without a better figure.
        patience: End the run after this many epochs in a row without a better figure. An equal one
            is not better. The curves are NaN after the end, which `jax.debug_nans` takes for an
            error in any run that ends early; `fit` returns none of these epochs.
        keep_best: Return the train state of the epoch with the best figure instead of the last one;
            the last one if no epoch had a figure that is finite. (Reverse mode can differentiate a
            run, for which it holds a copy of what it carries from epoch to epoch; `fit` does not.)
        monitor: The curve whose figure that is, such as "validation_accuracy"; by default the
            validation loss where there are validation data, else the training loss.
        mode: "min" if low figures are better, "max" if high ones are; "min" by default for a loss.
        min_delta: Patience counts an epoch as better only if its figure is so by more than this.
            The best epoch is the best one all the same.
        average: A moving average of the weights, `train.ema(0.999)`. Validation measures it,
            `keep_best` keeps it, and the train state that is returned holds it in place of the last
            weights. The layers' running statistics are averaged alike.
        gradient_norm: Whether `history["gradient_norm"]` is the mean norm of the steps' gradients,
            before the optimizer sees them; NaN where an epoch has made no step.
        learning_rate: The optimizer's schedule `step -> rate`, to have its value at the last step
            of each epoch as `history["learning_rate"]`. Where `optax.inject_hyperparams` has made
            the optimizer, that curve is there without it.
        shuffle: Of rows that are spread over devices, "local" shuffles each device's block of rows
            by itself, and a batch has the same number of rows from each: no row is ever sent, and
            the order depends on the key, the epoch and the number of devices. "global" draws each
            batch from all rows, in the order of one device, and sends it.
        sharding: How the rows of the data are spread over a mesh, or are to be: only its first axis
            counts. Without it, rows stay spread as they are; those of NumPy's arrays, next to a
            train state on a mesh, and those that `jit` hides, on axes of the type Auto, are spread
            over the mesh's first axis. Each device computes its own rows of a batch; rows that do
            not divide are padded and masked.

    Returns:
        `run(key, train_state, train_data, validation=None) -> (train_state, history)`.

    Raises:
        ValueError: If an option is out of its range; when traced, if the data do not fit.

    Example:
        >>> import jax, jax.numpy as jnp, optax
        >>> from gradwise import train
        >>> from gradwise.train.metrics import mean
        >>> def objective(params, state, batch, *, key=None, train=False):
        ...     error = mean((batch.x * params - batch.y) ** 2, where=batch.mask)
        ...     return error.value, (state, {"loss": error})
        >>> optimizer = optax.sgd(0.1)
        >>> run = jax.jit(train.make_run(objective, optimizer, epochs=20, batch_size=2))
        >>> x = jnp.array([1.0, 2.0, 3.0])
        >>> train_state = train.init(jnp.array(0.0), (), optimizer)
        >>> train_state, history = run(jax.random.key(0), train_state, (x, 2 * x))
        >>> round(float(train_state.params), 3), history["train_loss"].shape
        (2.0, (20,))
    """
    epochs = positive("epochs", epochs)
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
    if plan.keep_best == "host":
        raise ValueError('make_run needs keep_best=True or False, got "host", which is of fit')
    return _run_of(plan, epochs)


def _run_of(plan: Plan, epochs: int) -> Run:
    """Make the run of a plan: one block of epochs, traced for how the rows lie that it is given."""

    @cache
    def block_of(sharding: NamedSharding | None, layouts: Layouts) -> Block:
        return make_block(replace(plan, sharding=sharding), epochs, layouts, differentiable=True)

    def run(
        key: jax.Array, train_state: TrainState, train_data: Data, validation: Data | None = None
    ) -> tuple[TrainState, History]:
        check_key(key)
        check_train_state("a run", train_state, plan.optimizer)
        sets = data_sets(train_data, validation, batch_size=1)
        of_rows = rows_sharding(sets[0], plan.sharding, train_state)
        sets, layouts = on_devices(replace(plan, sharding=of_rows), train_state, *sets)
        train_state = on_explicit_mesh_of(train_state, sets[0], of_rows)
        block = block_of(of_rows, layouts)
        carry, curves = block(key, start(plan, train_state), *sets, epochs)
        return finish(carry), _history(plan, carry, curves, epochs)

    return run


def _history(plan: Plan, carry: Carry, curves: Curves, epochs: int) -> History:
    """Return the history of a run that has ended, also within `jit`."""
    watch = carry.watch
    failed = failed_validation(plan, curves, watch.done)
    return History(
        curves=curves,
        epochs=watch.done,
        untrained_loss=watch.untrained_loss,
        failed_step=jnp.where(watch.bad.any(), carry.train_state.step, -1),
        kept_epoch=kept_epoch(carry),
        failed_validation=failed,
        ending=ending_of(plan, watch, failed, watch.done >= epochs),
        optimum=-math.inf,  # unknown; NaN would disturb `jax.debug_nans`
    )
