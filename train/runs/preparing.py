"""Make a training ready: its data where they are to lie, its carry, and what goes on with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, TypeAlias

import jax
from jax.sharding import NamedSharding

from .._places import places_of
from .._process_errors import shared_errors
from .._sharding import rows_sharding
from .._types import Data
from ..checkpoints.position import Position
from ..curves import History
from ..steps import TrainState
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

#: `begun(train_data, placement) -> (carry, history, position)`, new ones or a checkpoint's.
Begun: TypeAlias = Callable[[Data | Source, Placement | None], tuple[Carry, History, Position]]


class Prepared(NamedTuple):
    """A training that is ready to be driven."""

    plan: Plan  # with where rows and train state lie
    advance: Advance
    carry: Carry
    history: History
    position: Position


def prepared_arrays(
    plan: Plan,
    key: jax.Array,
    train_state: TrainState,
    train_data: Data,
    validation: Data | None,
    begun: Begun,
    *,
    sharding: NamedSharding | None,
    epochs: int,
    block_epochs: int,
) -> Prepared:
    """Make a training on arrays ready."""
    plan = replace(plan, sharding=rows_sharding(train_data, sharding, train_state))
    sets, layouts = on_devices(plan, train_state, train_data, validation)
    with shared_errors():
        carry, history, position = begun(sets[0], None)
    plan = replace(plan, places=places_of(on_device(plan, carry)))
    history = replace(history, optimum=known_optimum(plan.objective, train_data[1]))
    advance = in_memory(plan, key, *sets, layouts=layouts, epochs=epochs, block_epochs=block_epochs)
    return Prepared(plan, looking(plan, advance), carry, history, position)


def prepared_batches(
    plan: Plan,
    key: jax.Array,
    train_state: TrainState,
    train_data: Source,
    validation: Source | Data | None,
    begun: Begun,
    *,
    sharding: NamedSharding | None,
    prefetch: int,
    steps_per_epoch: int | None,
    every_steps: int | None,
    recent: Recent,
    lockstep: Lockstep,
) -> Prepared:
    """Make a training on host batches ready."""
    placed = placement(plan, sharding, train_state)
    plan = replace(plan, sharding=placed.rows_sharding)
    with shared_errors():
        carry, history, position = begun(train_data, placed)
    plan = replace(plan, places=places_of(on_device(plan, carry)))
    advance = make_stream(
        plan, key, train_data, validation, prefetch=prefetch, position=position, recent=recent,
        lockstep=lockstep, placement=placed, steps_per_epoch=steps_per_epoch,
        every_steps=every_steps,
    )  # fmt: skip
    return Prepared(plan, looking(plan, advance), carry, history, position)
