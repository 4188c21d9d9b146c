"""Make a training ready: its data where they are to lie, its carry, and what goes on with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from .._places import places_of
from .._process_errors import shared_errors
from .._sharding import rows_sharding
from .._types import Data
from ..checkpoints.position import Position
from ..curves import History
from ..steps.optimum import known_optimum
from .best_on_host import looking, on_device
from .blocks import in_memory, on_devices
from .carry import Carry
from .driver import Advance
from .lockstep import Lockstep
from .placement import Placement, placement
from .plan import Plan
from .sources import Source
from .stream import Recent, make_stream
from .task import Task

#: `begun(train_data, placement) -> (carry, history, position)`, new ones or a checkpoint's.
Begun: TypeAlias = Callable[[Data | Source, Placement | None], tuple[Carry, History, Position]]


class Prepared(NamedTuple):
    """A training that is ready to be driven."""

    plan: Plan  # with where rows and train state lie
    advance: Advance
    carry: Carry
    history: History
    position: Position


def prepared(plan: Plan, task: Task, begun: Begun, recent: Recent, lockstep: Lockstep) -> Prepared:
    """Make a training ready.

    Args:
        plan: How to train.
        task: With which data, from where, and how much.
        begun: Begins it, or goes on with a checkpoint.
        recent: Is given the latest host batches.
        lockstep: Is asked for signals within an epoch of host batches.
    """
    if isinstance(task.train_data, tuple):
        return _on_arrays(plan, task, begun)
    return _on_batches(plan, task, begun, recent, lockstep)


def _on_arrays(plan: Plan, task: Task, begun: Begun) -> Prepared:
    train_data: Data = task.train_data  # pyright: ignore[reportAssignmentType]
    validation: Data | None = task.validation  # pyright: ignore[reportAssignmentType]
    plan = replace(plan, sharding=rows_sharding(train_data, plan.sharding, task.train_state))
    sets, layouts = on_devices(plan, task.train_state, train_data, validation)
    with shared_errors():
        carry, history, position = begun(sets[0], None)
    plan = replace(plan, places=places_of(on_device(plan, carry)))
    history = replace(history, optimum=known_optimum(plan.objective, train_data[1]))
    advance = in_memory(
        plan, task.key, *sets, layouts=layouts, epochs=task.epochs, block_epochs=task.block_epochs
    )
    return Prepared(plan, looking(plan, advance), carry, history, position)


def _on_batches(
    plan: Plan, task: Task, begun: Begun, recent: Recent, lockstep: Lockstep
) -> Prepared:
    placed = placement(plan, plan.sharding, task.train_state)
    plan = replace(plan, sharding=placed.rows_sharding)
    with shared_errors():
        carry, history, position = begun(task.train_data, placed)
    plan = replace(plan, places=places_of(on_device(plan, carry)))
    advance = make_stream(
        plan, task, position=position, recent=recent, lockstep=lockstep, placement=placed
    )
    return Prepared(plan, looking(plan, advance), carry, history, position)
