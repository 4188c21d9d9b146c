"""An epoch over host batches, which can be left and saved after any of its steps."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypeAlias

import jax

from .._processes import several
from .._programs import at_first_call, program
from .._sharding import axes_of_rows, placed
from .._types import Data
from ..checkpoints.position import Position
from ..data.accepted import batch_of
from ..data.row_shapes import length
from ..metrics import Figure
from ..steps import Batch, TrainState
from ..steps.evaluation import make_totals, measure
from ..steps.optional import with_whole
from .carry import Carry, measured
from .driver import Advance
from .epoch import close_epoch, make_run_step, skipped_steps
from .host_batches import batches_of, is_arrays
from .lockstep import Lockstep
from .placement import Placement
from .plan import Plan
from .sources import Source, make_reader

#: Sums the validation metrics of an epoch; None if a signal has come before their end.
Validate: TypeAlias = Callable[[TrainState, int], Mapping[str, Figure] | None]
#: The last batches that were trained on, on the host: their steps, and their numbers in the epoch.
Recent: TypeAlias = deque[tuple[int, int, Batch]]

# Whether a step was finite is read at most this many steps later, and so that the steps between
# take no longer than about a second: a signal waits for them. The step has ended by then, so that
# reading waits for nothing; and only so many steps are wasted if it was not finite.
_LAG = 16
_LAG_SECONDS = 1.0
#: How many of the last batches are kept: one of them was not finite, if a step has failed.
KEPT_BATCHES = _LAG + 2


def make_stream(
    plan: Plan,
    key: jax.Array,
    train_data: Source,
    validation: Source | Data | None,
    *,
    prefetch: int,
    steps_per_epoch: int | None,
    every_steps: int | None,
    position: Position,
    recent: Recent,
    lockstep: Lockstep,
    placement: Placement,
) -> Advance:
    """Make `advance(carry) -> (carry, curves)`, which goes on with an epoch over host batches.

    It returns at the epoch's end; without any curve also where a checkpoint is due, where a signal
    has come, and where a step was not finite. Called again, it goes on from there. Shorter batches
    are padded and masked, so that the step is traced once.

    Args:
        plan: How to train.
        key: The key of the run.
        train_data: Pairs `(x, y)` of at most `batch_size` rows.
        validation: Such a source, or arrays `(x, y)`, or None.
        prefetch: How many batches are copied to the device ahead of their use.
        steps_per_epoch: How many batches make an epoch; None: all that the source gives.
        every_steps: Steps between two checkpoints; None: only the ends of epochs.
        position: Where the epoch stands; it is kept up to date.
        recent: The batches of the last steps; it is kept up to date.
        lockstep: Keeps several processes at one step, and knows of signals.
        placement: Where the batches go.
    """
    run_step = at_first_call(make_run_step, plan, donate=1)
    close = at_first_call(_make_close, plan, donate=0)
    validate = _validator(plan, validation, prefetch, lockstep, placement)
    read = make_reader(train_data, steps_per_epoch)
    opened: list[
        Iterator[tuple[Batch, Batch, object]]
    ] = []  # the epoch that is being read, or none
    first_step = 0  # of the epoch

    def open_epoch(carry: Carry) -> None:
        nonlocal first_step
        first_step = int(carry.train_state.step) - position.batches
        number = int(carry.watch.done)
        reading, pairs = read(number, position)
        whole = validation if is_arrays(validation) else None
        batches = batches_of(
            plan, pairs, carry.train_state, "train data", whole,
            number=number, start=position.batches, placement=placement,
        )  # fmt: skip

        def example() -> Batch:
            return placement.pad(*batch_of("the train data", reading.example(train_data, number)))

        states = ((batch, reading.state()) for batch in batches)
        if position.saved_sums:
            _take_up_sums(plan, key, carry, placement.put(example()), position)
        opened.append(lockstep.ahead(states, prefetch, placement, example))

    def advance(carry: Carry) -> tuple[Carry, dict[str, jax.Array]]:
        if not opened:
            open_epoch(carry)
        failed = _follower(plan, prefetch)
        for host, batch, source in opened[0]:
            if plan.monitor is not None and not recent:
                _check_monitor(plan, key, carry, batch, validated=validation is not None)
            carry, metrics = run_step(key, carry, batch)
            recent.append((first_step + position.batches, position.batches, host))
            position.batches, position.source = position.batches + 1, source
            position.sums = _add(position.sums, metrics) if position.sums else metrics
            step = first_step + position.batches
            if lockstep.known() or failed(metrics) or (every_steps and step % every_steps == 0):
                return carry, {}
        if carry.watch.bad.any():
            return carry, {}
        if position.batches < (steps_per_epoch or 0):
            raise ValueError(
                f"the train data gave {position.batches} batches in an epoch of steps_per_epoch="
                f"{steps_per_epoch}: choose less, or pass an iterable that can be read again"
            )
        held_out = validate(measured(carry), int(carry.watch.done))
        if held_out is None and validation is not None:
            return carry, {}
        carry, row = close(carry, position.sums, held_out)
        position.batches, position.sums = 0, {}
        position.source = position.source if steps_per_epoch else None
        opened.clear()
        return carry, {name: value[None] for name, value in row.items()}

    return advance


def _take_up_sums(
    plan: Plan, key: jax.Array, carry: Carry, batch: Batch, position: Position
) -> None:
    """Give the sums of a position the structure that those of a step have."""
    given = key, carry, batch
    shapes = jax.eval_shape(program(make_run_step, plan, arguments=given, donate=1), *given)[1]
    found = [(leaf.shape, str(leaf.dtype)) for leaf in position.saved_sums]
    if found != [(leaf.shape, str(leaf.dtype)) for leaf in jax.tree.leaves(shapes)]:
        raise ValueError(
            "the checkpoint is from within an epoch in which other metrics were measured: resume "
            "with those, or from the checkpoint at the end of an epoch"
        )
    position.sums = jax.tree.unflatten(jax.tree.structure(shapes), position.saved_sums)
    position.saved_sums = []


def _check_monitor(
    plan: Plan, key: jax.Array, carry: Carry, batch: Batch, *, validated: bool
) -> None:
    """Close an epoch of one batch without computing it, which raises if there is no such curve."""
    given, measured_on, held_out = (key, carry, batch), (carry.train_state, batch), None
    run_step = program(make_run_step, plan, arguments=given, donate=1)
    _, sums = jax.eval_shape(run_step, *given)
    if validated:  # whose metrics have the names and the shapes that those of any batch have
        measured_batch = program(_make_measure, plan, arguments=measured_on)
        held_out = jax.eval_shape(measured_batch, *measured_on)
    jax.eval_shape(_make_close(plan), carry, sums, held_out)


def _make_close(plan: Plan) -> Callable[..., tuple[Carry, dict[str, jax.Array]]]:
    return partial(close_epoch, plan)


def _make_measure(plan: Plan) -> Callable[[TrainState, Batch], Mapping[str, Figure]]:
    axes = axes_of_rows(plan.sharding)
    return partial(measure, with_whole(plan.objective, plan.places, axes))


def _validator(
    plan: Plan,
    validation: Source | Data | None,
    prefetch: int,
    lockstep: Lockstep,
    placement: Placement,
) -> Validate:
    """Make `validate(train_state, number)`, which sums the validation metrics of an epoch."""
    if validation is None:
        return lambda train_state, number: None
    if is_arrays(validation):
        held_out, rows = placed(
            "the validation data", validation, length(validation), plan.sharding
        )
        whole = at_first_call(make_totals, plan.objective, plan.batch_size, rows, plan.places)
        return lambda train_state, number: whole(train_state, held_out)
    measured_batch = at_first_call(_make_measure, plan)
    read = make_reader(validation, None)

    def validate(train_state: TrainState, number: int) -> Mapping[str, Figure] | None:
        sums: dict[str, Figure] = {}
        reading, pairs = read(number, Position())
        batches = batches_of(
            plan, pairs, train_state, "validation data", None, number=number, placement=placement
        )

        def example() -> Batch:
            return placement.pad(*batch_of("the data", reading.example(validation, number)))

        entries = ((batch, None) for batch in batches)
        for _, batch, _ in lockstep.ahead(entries, prefetch, placement, example):
            if lockstep.known():
                return None
            new = measured_batch(train_state, batch)
            sums = _add(sums, new) if sums else new
        return sums

    return validate


def _follower(plan: Plan, prefetch: int) -> Callable[[dict[str, Figure]], bool]:
    """Make `failed(metrics)`, which waits for earlier steps and says whether one has failed.

    Several processes stop at the same step, so that they wait for the same one: that which they
    have ended by then, as they have read what was told with it, `prefetch` steps before.
    """
    running: deque[jax.Array] = deque()
    lag, read_at = 1, time.monotonic()
    fixed_lag = max(1, min(_LAG, prefetch)) if several() else 0

    def failed(metrics: dict[str, Figure]) -> bool:
        nonlocal lag, read_at
        running.append(skipped_steps(metrics))
        while len(running) > lag:
            bad = bool(running.popleft())
            now = time.monotonic()
            by_time = int(_LAG_SECONDS / max(now - read_at, 1e-9))
            lag = fixed_lag or max(1, min(_LAG, lag + 1, by_time))
            read_at = now
            if bad and plan.on_nonfinite == "raise":
                return True
        return False

    return failed


@jax.jit
def _add(a: dict[str, Figure], b: dict[str, Figure]) -> dict[str, Figure]:
    return jax.tree.map(jax.numpy.add, a, b)
