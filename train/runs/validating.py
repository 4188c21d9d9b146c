"""The validation of an epoch over host batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

import jax

from .._programs import at_first_call
from .._sharding import axes_of_rows, placed
from ..checkpoints.position import Position
from ..data.accepted import batch_of
from ..data.row_shapes import length
from ..metrics import Figure
from ..steps import Batch, TrainState
from ..steps.evaluation import make_totals, measure
from ..steps.optional import with_whole
from .host_batches import batches_of, is_arrays
from .lockstep import Lockstep
from .placement import Placement
from .plan import Plan
from .sources import make_reader
from .task import Task

#: Sums the validation metrics of an epoch; None if a signal has come before their end.
Validate: TypeAlias = Callable[[TrainState, int], Mapping[str, Figure] | None]


def make_measure(plan: Plan) -> Callable[[TrainState, Batch], Mapping[str, Figure]]:
    """Make `measure(train_state, batch)`, the metrics of one batch."""
    axes = axes_of_rows(plan.sharding)
    return partial(measure, with_whole(plan.objective, plan.places, axes))


def validator(plan: Plan, task: Task, lockstep: Lockstep, placement: Placement) -> Validate:
    """Make `validate(train_state, number)`, which sums the validation metrics of an epoch."""
    validation = task.validation
    if validation is None:
        return lambda train_state, number: None
    if is_arrays(validation):
        held_out, rows = placed(
            "the validation data", validation, length(validation), plan.sharding
        )
        whole = at_first_call(make_totals, plan.objective, plan.batch_size, rows, plan.places)
        return lambda train_state, number: whole(train_state, held_out)
    measured_batch = at_first_call(make_measure, plan)
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
        for _, batch, _ in lockstep.ahead(entries, task.prefetch, placement, example):
            if lockstep.known():
                return None
            new = measured_batch(train_state, batch)
            sums = added(sums, new) if sums else new
        return sums

    return validate


@jax.jit
def added(a: dict[str, Figure], b: dict[str, Figure]) -> dict[str, Figure]:
    """Add the sums of two batches."""
    return jax.tree.map(jax.numpy.add, a, b)
