"""An epoch over host batches, which can be left and saved after any of its steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
from .carry import Carry, is_given_away, measured
from .driver import Advance, SourceError
from .epoch import close_epoch, make_run_step
from .following import LAG, follower
from .host_batches import batches_of, is_arrays
from .lockstep import Lockstep
from .placement import Placement
from .plan import Plan
from .sources import Source, make_reader

#: Sums the validation metrics of an epoch; None if a signal has come before their end.
Validate: TypeAlias = Callable[[TrainState, int], Mapping[str, Figure] | None]
#: The last batches that were trained on, on the host: their steps, and their numbers in the epoch.
Recent: TypeAlias = deque[tuple[int, int, Batch]]

#: How many of the last batches are kept: one of them was not finite, if a step has failed.
KEPT_BATCHES = LAG + 2


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
    return _Stream(
        plan=plan, key=key, train_data=train_data, validation=validation, prefetch=prefetch,
        steps_per_epoch=steps_per_epoch, every_steps=every_steps, position=position, recent=recent,
        lockstep=lockstep, placement=placement,
    ).advance  # fmt: skip


@dataclass(kw_only=True)
class _Stream:
    """A run over host batches: what `make_stream` is given, and the epoch that is being read."""

    plan: Plan
    key: jax.Array
    train_data: Source
    validation: Source | Data | None
    prefetch: int
    steps_per_epoch: int | None
    every_steps: int | None
    position: Position
    recent: Recent
    lockstep: Lockstep
    placement: Placement
    batches: Iterator[tuple[Batch, Batch, object]] | None = None  # of an epoch that has begun
    first_step: int = 0  # of the epoch

    def __post_init__(self) -> None:
        self.run_step = at_first_call(make_run_step, self.plan, donate=1)
        self.close = at_first_call(_make_close, self.plan, donate=0)
        self.validate = _validator(
            self.plan, self.validation, self.prefetch, self.lockstep, self.placement
        )
        self.read = make_reader(self.train_data, self.steps_per_epoch)

    def advance(self, carry: Carry) -> tuple[Carry, dict[str, jax.Array]]:
        """Go on to the end of the epoch, or to where it pauses.

        Raises:
            SourceError: If a source fails after something was trained, so that it can be saved.
        """
        self.reached = carry
        try:
            return self._advanced(carry)
        except Exception as error:
            carry, batches = self.reached, self.position.batches
            if several() or not self.recent or is_given_away(carry):
                raise
            text = f"in epoch {int(carry.watch.done) + 1}, after {batches} of its batches"
            raise SourceError(error, carry, text) from error

    def _advanced(self, carry: Carry) -> tuple[Carry, dict[str, jax.Array]]:
        if self.batches is None:
            self.batches = self._opened(carry)
        carry, pauses = self._trained(carry, self.batches)
        if pauses or carry.watch.bad.any():
            return carry, {}
        self._check_length()
        held_out = self.validate(measured(carry), int(carry.watch.done))
        if held_out is None and self.validation is not None:
            return carry, {}
        carry, row = self.close(carry, self.position.sums, held_out)
        self.position.batches, self.position.sums = 0, {}
        self.position.source = self.position.source if self.steps_per_epoch else None
        self.batches = None
        return carry, {name: value[None] for name, value in row.items()}

    def _opened(self, carry: Carry) -> Iterator[tuple[Batch, Batch, object]]:
        """Begin an epoch where its position stands, and return its batches, on host and device."""
        position, placement = self.position, self.placement
        self.first_step = int(carry.train_state.step) - position.batches
        number = int(carry.watch.done)
        reading, pairs = self.read(number, position)
        whole = self.validation if is_arrays(self.validation) else None
        batches = batches_of(
            self.plan, pairs, carry.train_state, "train data", whole,
            number=number, start=position.batches, placement=placement,
        )  # fmt: skip

        def example() -> Batch:
            pair = reading.example(self.train_data, number)
            return placement.pad(*batch_of("the train data", pair))

        states = ((batch, reading.state()) for batch in batches)
        if position.saved_sums:
            _take_up_sums(self.plan, self.key, carry, placement.put(example()), position)
        return self.lockstep.ahead(states, self.prefetch, placement, example)

    def _trained(
        self, carry: Carry, batches: Iterator[tuple[Batch, Batch, object]]
    ) -> tuple[Carry, bool]:
        """Train on batches, and return whether the epoch pauses before it has no more of them."""
        position, failed = self.position, follower(self.plan, self.prefetch)
        for host, batch, source in batches:
            if self.plan.monitor is not None and not self.recent:
                validated = self.validation is not None
                _check_monitor(self.plan, self.key, carry, batch, validated=validated)
            self.reached, metrics = self.run_step(self.key, carry, batch)
            carry = self.reached
            self.recent.append((self.first_step + position.batches, position.batches, host))
            position.batches, position.source = position.batches + 1, source
            position.sums = _add(position.sums, metrics) if position.sums else metrics
            step = self.first_step + position.batches
            is_due = self.every_steps is not None and step % self.every_steps == 0
            if self.lockstep.known() or failed(metrics) or is_due:
                return carry, True
        return carry, False

    def _check_length(self) -> None:
        if self.position.batches < (self.steps_per_epoch or 0):
            raise ValueError(
                f"the train data gave {self.position.batches} batches in an epoch of "
                f"steps_per_epoch={self.steps_per_epoch}: choose less, or pass an iterable that "
                "can be read again"
            )


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


@jax.jit
def _add(a: dict[str, Figure], b: dict[str, Figure]) -> dict[str, Figure]:
    return jax.tree.map(jax.numpy.add, a, b)
