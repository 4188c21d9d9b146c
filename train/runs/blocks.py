"""Blocks of epochs over arrays: scans of steps, compiled as one program."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from .._places import kept_at
from .._programs import at_first_call
from .._sharding import placed
from .._spread import Rows
from .._types import Data
from ..data.dealing import dealer
from ..data.row_shapes import length
from ..metrics import Figure
from ..steps import Batch, TrainState
from ..steps.evaluation import totals
from .carry import Carry, measured
from .driver import Advance
from .epoch import close_epoch, make_run_step
from .plan import Plan

Curves: TypeAlias = dict[str, jax.Array]
#: How the rows of the training and of the validation data lie; None: all on one device.
Layouts: TypeAlias = tuple[Rows | None, Rows | None]
Epoch: TypeAlias = Callable[[jax.Array, Carry, Data, Data | None], tuple[Carry, Curves]]
_Loop: TypeAlias = tuple[jax.Array, Carry, Curves]
MadeEpoch: TypeAlias = Callable[[Carry], tuple[Carry, Curves]]
Block: TypeAlias = Callable[
    [jax.Array, Carry, Data, Data | None, int | jax.Array], tuple[Carry, Curves]
]


def in_memory(
    plan: Plan,
    key: jax.Array,
    train_data: Data,
    validation: Data | None,
    *,
    layouts: Layouts,
    epochs: int,
    block_epochs: int,
) -> Advance:
    """Make `advance(carry)`, a block of epochs over arrays on the device."""
    block = at_first_call(make_block, plan, block_epochs, layouts, donate=1)
    return lambda carry: block(key, carry, train_data, validation, epochs)


def make_block(
    plan: Plan, epochs: int, layouts: Layouts = (None, None), *, differentiable: bool = False
) -> Block:
    """Make a block of epochs: `block(key, carry, train_data, validation, until)`.

    Epochs after `until`, or after the run has stopped, are not computed, and give NaN in every
    curve. Under `vmap` they are computed as long as any run of the batch goes on.

    Args:
        plan: How to train.
        epochs: The most epochs of a block.
        layouts: How the rows of the training and of the validation data lie.
        differentiable: Whether reverse mode can differentiate the block. It then holds a second
            copy of the carry while it runs.

    Returns:
        `block(key, carry, train_data, validation, until) -> (carry, curves)`, each `[epochs]`.
    """
    # `eval_shape` and the loop below share one trace.
    epoch = jax.jit(_make_epoch(plan, layouts))

    def block(
        key: jax.Array,
        carry: Carry,
        train_data: Data,
        validation: Data | None,
        until: int | jax.Array,
    ) -> tuple[Carry, Curves]:
        def made(carry: Carry) -> tuple[Carry, Curves]:
            return epoch(key, carry, train_data, validation)

        def over(carry: Carry) -> jax.Array:
            # An epoch leaves a run that has stopped as it is.
            return _in_every_run(carry.watch.stopped | (carry.watch.done >= until))

        _, row = jax.eval_shape(made, carry)
        loop = _scanned if differentiable else _looped
        carry, curves = loop(made, over, carry, row, epochs)
        return kept_at(plan.places, carry), curves

    return block


def _looped(
    made: MadeEpoch, over: Callable[[Carry], jax.Array], carry: Carry, row: Curves, epochs: int
) -> tuple[Carry, Curves]:
    """Make epochs until the run is over, each in the buffers of the one before."""
    rows = jax.tree.map(lambda leaf: jnp.asarray(_nan((epochs, *leaf.shape), leaf.dtype)), row)

    def goes_on(loop: _Loop) -> jax.Array:
        number, carry, _ = loop
        return (number < epochs) & ~over(carry)

    def body(loop: _Loop) -> _Loop:
        number, carry, rows = loop
        carry, row = made(carry)
        rows = jax.tree.map(lambda leaf, entry: leaf.at[number].set(entry), rows, row)
        return number + 1, carry, rows

    _, carry, rows = jax.lax.while_loop(goes_on, body, (jnp.int32(0), carry, rows))
    return carry, rows


def _scanned(
    made: MadeEpoch, over: Callable[[Carry], jax.Array], carry: Carry, row: Curves, epochs: int
) -> tuple[Carry, Curves]:
    """Make what `_looped` makes; how often a scan goes round is known, as reverse mode needs it."""
    no_row = jax.tree.map(lambda leaf: _nan(leaf.shape, leaf.dtype), row)

    def body(carry: Carry, _: None) -> tuple[Carry, Curves]:
        return jax.lax.cond(over(carry), lambda carry: (carry, no_row), made, carry)

    return jax.lax.scan(body, carry, length=epochs)


def _nan(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return NaN for epochs that are not made, by NumPy: JAX's would end with `jax.debug_nans`."""
    return np.full(shape, np.nan, dtype)


def _make_epoch(plan: Plan, layouts: Layouts) -> Epoch:
    """Make an epoch of steps, `epoch(key, carry, train_data, validation) -> (carry, curves)`."""
    run_step = make_run_step(plan)

    def epoch(
        key: jax.Array, carry: Carry, train_data: Data, validation: Data | None
    ) -> tuple[Carry, Curves]:
        # Decided outside: `jit` hides where rows lie on axes of the type Auto.
        rows = layouts[0] or Rows(count=length(train_data))
        steps = -(-rows.count // plan.batch_size)
        number = carry.train_state.step // steps
        batch = dealer(
            key, number, train_data, rows, plan.batch_size, parts=plan.accumulate, how=plan.shuffle
        )

        def step(carry: Carry, number: jax.Array) -> tuple[Carry, dict[str, Figure]]:
            (x, y), mask = batch(number)
            return run_step(key, carry, Batch(x, y, mask))

        carry, metrics = jax.lax.scan(step, carry, jnp.arange(steps))
        sums = jax.tree.map(lambda leaf: leaf.sum(axis=0), metrics)
        held_out = None
        if validation is not None:
            rows = layouts[1] or Rows(count=length(validation))
            held_out = totals(
                plan.objective, measured(carry), validation, plan.batch_size, rows, plan.places
            )
        return close_epoch(plan, carry, sums, held_out)

    return epoch


def on_devices(
    plan: Plan, train_state: TrainState, train_data: Data, validation: Data | None
) -> tuple[tuple[Data, Data | None], Layouts]:
    """Return the data on the devices, with rows of padding, and how their rows lie there."""
    sharding, state, held_out = plan.sharding, train_state, None
    train_data, rows = placed("the train data", train_data, length(train_data), sharding, state)
    if validation is not None:
        count = length(validation)
        validation, held_out = placed("the validation data", validation, count, sharding, state)
    return (train_data, validation), (rows, held_out)


@jax.custom_batching.custom_vmap
def _in_every_run(over: jax.Array) -> jax.Array:
    """Return whether every run of a batch is over: one answer for all of them.

    With an answer for each, `vmap` would turn the `cond` into a selection, which computes both
    branches, and would copy the data once for each run.
    """
    return over


@_in_every_run.def_vmap
def _in_every_run_of(size: int, batched: list[bool], over: jax.Array) -> tuple[jax.Array, bool]:
    del size, batched
    return _in_every_run(over.all(axis=0)), False
