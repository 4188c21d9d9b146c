"""A whole training as one pure function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax

from .. import data as datasets
from .. import gradients
from .._checks import positive
from ..curves.history import History
from ..metrics import Mean
from ..steps.evaluation import totals
from ..steps.state import Batch, TrainState
from .carry import Carry, Plan, close_epoch, finish, make_advance, start

Data = tuple[Any, Any]


def make_run(
    objective: Callable,
    optimizer: optax.GradientTransformation,
    *,
    epochs: int,
    batch_size: int,
    gradient: gradients.Gradient = gradients.reverse,
    accumulate: int = 1,
    on_nonfinite: Literal["raise", "skip"] = "raise",
    patience: int | None = None,
    keep_best: bool = False,
) -> Callable[..., tuple[TrainState, History]]:
    """A training `run(key, train_state, train_data, validation=None) -> (train_state, history)`.

    The run is a pure function, for `jit`, `vmap`, `grad`, `lax.map` and sharded inputs: epochs and
    steps are scans, shuffling is on the device and depends on the key and the epoch alone, and the
    last batch of an epoch is padded and masked, so that the model is traced once. The epoch's
    number is `train_state.step // steps_per_epoch`, so that a run of two epochs and another of
    three from where it ended are a run of five, bit for bit.

    Args:
        objective: what `supervised` makes, or a function of the same signature.
        optimizer: any optax transformation.
        epochs: passes over the training data.
        batch_size: rows of a step.
        gradient: how to differentiate, one of `train.gradients`.
        accumulate: micro-batches per step, see `make_step`.
        on_nonfinite: a pure function cannot raise, so "raise" ends the run before the step that was
            not finite, and the history names it (`failed_step`); "skip" leaves out such a step's
            update and counts it in the curve `skipped`.
        patience: end the run after this many epochs without a lower loss (the validation loss where
            there is validation data, else the training loss).
        keep_best: return the train state of the epoch with the lowest loss instead of the last one.

    Raises:
        ValueError: for options out of their range, at once; for data that does not fit, when
            traced.

    Example:
        >>> import optax, train
        >>> from train import metrics
        >>> def objective(params, state, batch, *, key=None, train=False):
        ...     error = metrics.mean((batch.x * params - batch.y) ** 2, where=batch.mask)
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
        objective, optimizer, batch_size, gradient, accumulate, on_nonfinite, patience, keep_best
    )
    block = make_block(plan, epochs)

    def run(
        key: jax.Array, train_state: TrainState, train_data: Data, validation: Data | None = None
    ) -> tuple[TrainState, History]:
        carry, curves = block(key, start(plan, train_state), train_data, validation, epochs)
        watch = carry.watch
        failed = jnp.where(watch.bad.any(), carry.train_state.step, -1)
        return finish(plan, carry), History(curves, watch.done, watch.untrained_loss, failed)

    return run


def make_block(plan: Plan, epochs: int) -> Callable[..., tuple[Carry, dict[str, jax.Array]]]:
    """Up to `epochs` epochs: `block(key, carry, train_data, validation, until) -> (carry, curves)`.

    Epochs after `until`, or after the run has stopped, give rows of NaN. They cost nothing, unless
    another run of the same batch is still under way.
    """
    epoch = jax.jit(_make_epoch(plan))  # traced once, for its shapes and for its code

    def block(
        key: jax.Array,
        carry: Carry,
        train_data: Data,
        validation: Data | None,
        until: int | jax.Array,
    ) -> tuple[Carry, dict[str, jax.Array]]:
        _, row = jax.eval_shape(epoch, key, carry, train_data, validation)
        no_row = jax.tree.map(lambda leaf: jnp.full(leaf.shape, jnp.nan, leaf.dtype), row)

        def body(carry: Carry, _: None) -> tuple[Carry, dict[str, jax.Array]]:
            over = carry.watch.stopped | (carry.watch.done >= until)
            return jax.lax.cond(
                _in_every_run(over),  # until then an epoch leaves a stopped run as it is
                lambda carry: (carry, no_row),
                lambda carry: epoch(key, carry, train_data, validation),
                carry,
            )

        return jax.lax.scan(body, carry, length=epochs)

    return block


def _make_epoch(plan: Plan) -> Callable[..., tuple[Carry, dict[str, jax.Array]]]:
    """An epoch of steps, and the row of its curves."""
    advance = make_advance(plan)

    def epoch(
        key: jax.Array, carry: Carry, train_data: Data, validation: Data | None
    ) -> tuple[Carry, dict[str, jax.Array]]:
        rows = datasets.length(train_data)
        steps = -(-rows // plan.batch_size)
        number = carry.train_state.step // steps
        order = datasets.shuffle(key, number, rows, plan.batch_size)

        def step(carry: Carry, where: tuple[jax.Array, jax.Array]) -> tuple[Carry, dict[str, Mean]]:
            indices, mask = where
            x, y = datasets.take(train_data, indices)
            return advance(key, carry, Batch(x, y, mask))

        carry, metrics = jax.lax.scan(step, carry, order)
        sums = jax.tree.map(lambda leaf: leaf.sum(axis=0), metrics)
        held_out = None
        if validation is not None:
            held_out = totals(plan.objective, carry.train_state, validation, plan.batch_size)
        return close_epoch(plan, carry, sums, held_out)

    return epoch


@jax.custom_batching.custom_vmap
def _in_every_run(over: jax.Array) -> jax.Array:
    """Whether every run of a batch is over: one answer for all, so that a `cond` stays one.

    By an answer for each it would become a selection, and the data one copy for each run.
    """
    return over


@_in_every_run.def_vmap
def _in_every_run_of(size: int, batched: list[bool], over: jax.Array) -> tuple[jax.Array, bool]:
    del size, batched
    return _in_every_run(over.all(axis=0)), False
