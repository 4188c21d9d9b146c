"""An epoch over host batches, which can be left and saved after any of its steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import jax

from .._processes import several
from .._programs import at_first_call, program
from ..checkpoints.position import Position
from ..data.accepted import batch_of
from ..steps import Batch
from .carry import Carry, is_given_away, measured
from .driver import Advance, SourceError
from .epoch import close_epoch, make_run_step
from .following import LAG, follower
from .host_batches import batches_of, is_arrays
from .lockstep import Lockstep
from .placement import Placement
from .plan import Plan
from .sources import Source, make_reader
from .task import Task
from .validating import added, make_measure, validator

#: The last batches that were trained on, on the host: their steps, and their numbers in the epoch.
Recent: TypeAlias = deque[tuple[int, int, Batch]]

#: How many of the last batches are kept: one of them was not finite, if a step has failed.
KEPT_BATCHES = LAG + 2


def make_stream(
    plan: Plan,
    task: Task,
    *,
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
        task: On which sources of pairs `(x, y)` of at most `batch_size` rows; its validation data
            may be arrays.
        position: Where the epoch stands; it is kept up to date.
        recent: The batches of the last steps; it is kept up to date.
        lockstep: Keeps several processes at one step, and knows of signals.
        placement: Where the batches go.
    """
    return _Stream(
        plan=plan, task=task, position=position, recent=recent, lockstep=lockstep,
        placement=placement,
    ).advance  # fmt: skip


@dataclass(kw_only=True)
class _Stream:
    """A run over host batches: what `make_stream` is given, and the epoch that is being read."""

    plan: Plan
    task: Task
    position: Position
    recent: Recent
    lockstep: Lockstep
    placement: Placement
    batches: Iterator[tuple[Batch, Batch, object]] | None = None  # of an epoch that has begun
    first_step: int = 0  # of the epoch

    def __post_init__(self) -> None:
        self.run_step = at_first_call(make_run_step, self.plan, donate=1)
        self.close = at_first_call(_make_close, self.plan, donate=0)
        self.validate = validator(self.plan, self.task, self.lockstep, self.placement)
        self.read = make_reader(self._train_data, self.task.steps_per_epoch)

    @property
    def _train_data(self) -> Source:
        return self.task.train_data  # pyright: ignore[reportReturnType]  (it is no array)

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
        if held_out is None and self.task.validation is not None:
            return carry, {}
        carry, row = self.close(carry, self.position.sums, held_out)
        self.position.batches, self.position.sums = 0, {}
        self.position.source = self.position.source if self.task.steps_per_epoch else None
        self.batches = None
        return carry, {name: value[None] for name, value in row.items()}

    def _opened(self, carry: Carry) -> Iterator[tuple[Batch, Batch, object]]:
        """Begin an epoch where its position stands, and return its batches, on host and device."""
        position, placement = self.position, self.placement
        self.first_step = int(carry.train_state.step) - position.batches
        number = int(carry.watch.done)
        reading, pairs = self.read(number, position)
        whole = self.task.validation if is_arrays(self.task.validation) else None
        batches = batches_of(
            self.plan, pairs, carry.train_state, "train data", whole,
            number=number, start=position.batches, placement=placement,
        )  # fmt: skip

        def example() -> Batch:
            pair = reading.example(self._train_data, number)
            return placement.pad(*batch_of("the train data", pair))

        states = ((batch, reading.state()) for batch in batches)
        if position.saved_sums:
            _take_up_sums(self.plan, self.task.key, carry, placement.put(example()), position)
        return self.lockstep.ahead(states, self.task.prefetch, placement, example)

    def _trained(
        self, carry: Carry, batches: Iterator[tuple[Batch, Batch, object]]
    ) -> tuple[Carry, bool]:
        """Train on batches, and return whether the epoch pauses before it has no more of them."""
        position, failed = self.position, follower(self.plan, self.task.prefetch)
        for host, batch, source in batches:
            if self.plan.monitor is not None and not self.recent:
                validated = self.task.validation is not None
                _check_monitor(self.plan, self.task.key, carry, batch, validated=validated)
            self.reached, metrics = self.run_step(self.task.key, carry, batch)
            carry = self.reached
            self.recent.append((self.first_step + position.batches, position.batches, host))
            position.batches, position.source = position.batches + 1, source
            position.sums = added(position.sums, metrics) if position.sums else metrics
            step = self.first_step + position.batches
            is_due = self.task.every_steps is not None and step % self.task.every_steps == 0
            if self.lockstep.known() or failed(metrics) or is_due:
                return carry, True
        return carry, False

    def _check_length(self) -> None:
        made, wanted = self.position.batches, self.task.steps_per_epoch or 0
        if made < wanted:
            raise ValueError(
                f"the train data gave {made} batches in an epoch of steps_per_epoch={wanted}: "
                "choose less, or pass an iterable that can be read again"
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
        measured_batch = program(make_measure, plan, arguments=measured_on)
        held_out = jax.eval_shape(measured_batch, *measured_on)
    jax.eval_shape(_make_close(plan), carry, sums, held_out)


def _make_close(plan: Plan) -> Callable[..., tuple[Carry, dict[str, jax.Array]]]:
    return partial(close_epoch, plan)
