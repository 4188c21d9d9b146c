"""Blocks of epochs over arrays: scans of steps, compiled as one program."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp

from .. import data as datasets
from .._programs import at_first_call
from .._types import Data
from ..data.shuffling import batches
from ..metrics import Figure
from ..steps import Batch
from ..steps.evaluation import totals
from .carry import Carry, measured
from .driver import Advance
from .epoch import close_epoch, make_run_step
from .plan import Plan

Curves: TypeAlias = dict[str, jax.Array]
Epoch: TypeAlias = Callable[[jax.Array, Carry, Data, Data | None], tuple[Carry, Curves]]
Block: TypeAlias = Callable[
    [jax.Array, Carry, Data, Data | None, int | jax.Array], tuple[Carry, Curves]
]


def in_memory(
    plan: Plan,
    key: jax.Array,
    train_data: Data,
    validation: Data | None,
    *,
    epochs: int,
    block_epochs: int,
) -> Advance:
    """Make `advance(carry)`, a block of epochs over arrays on the device."""
    block = at_first_call(make_block, plan, block_epochs, donate=1)
    return lambda carry: block(key, carry, train_data, validation, epochs)


def make_block(plan: Plan, epochs: int) -> Block:
    """Make a block of epochs: `block(key, carry, train_data, validation, until)`.

    Epochs after `until`, or after the run has stopped, are not computed, and give NaN in every
    curve. Under `vmap` they are computed as long as any run of the batch goes on.

    Args:
        plan: How to train.
        epochs: The most epochs of a block.

    Returns:
        `block(key, carry, train_data, validation, until) -> (carry, curves)`, each `[epochs]`.
    """
    epoch = jax.jit(_make_epoch(plan))  # `eval_shape` and `scan` below then share one trace

    def block(
        key: jax.Array,
        carry: Carry,
        train_data: Data,
        validation: Data | None,
        until: int | jax.Array,
    ) -> tuple[Carry, Curves]:
        _, row = jax.eval_shape(epoch, key, carry, train_data, validation)
        no_row = jax.tree.map(lambda leaf: jnp.full(leaf.shape, jnp.nan, leaf.dtype), row)

        def body(carry: Carry, _: None) -> tuple[Carry, Curves]:
            over = carry.watch.stopped | (carry.watch.done >= until)
            return jax.lax.cond(
                _in_every_run(over),  # an epoch leaves a run that has stopped as it is
                lambda carry: (carry, no_row),
                lambda carry: epoch(key, carry, train_data, validation),
                carry,
            )

        return jax.lax.scan(body, carry, length=epochs)

    return block


def _make_epoch(plan: Plan) -> Epoch:
    """Make an epoch of steps, `epoch(key, carry, train_data, validation) -> (carry, curves)`."""
    run_step = make_run_step(plan)

    def epoch(
        key: jax.Array, carry: Carry, train_data: Data, validation: Data | None
    ) -> tuple[Carry, Curves]:
        rows = datasets.length(train_data)
        steps = -(-rows // plan.batch_size)
        number = carry.train_state.step // steps
        batch = batches(key, number, rows, plan.batch_size)

        def step(carry: Carry, number: jax.Array) -> tuple[Carry, dict[str, Figure]]:
            indices, mask = batch(number)
            x, y = datasets.take(train_data, indices)
            return run_step(key, carry, Batch(x, y, mask))

        carry, metrics = jax.lax.scan(step, carry, jnp.arange(steps))
        sums = jax.tree.map(lambda leaf: leaf.sum(axis=0), metrics)
        held_out = None
        if validation is not None:
            held_out = totals(plan.objective, measured(carry), validation, plan.batch_size)
        return close_epoch(plan, carry, sums, held_out)

    return epoch


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
