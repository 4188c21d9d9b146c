"""What a training is to do: with which data, from where, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax

from .._types import Data
from ..steps import TrainState
from .sources import Source
from .trial import first_batch


@dataclass(frozen=True, kw_only=True)
class Task:
    """What `fit` is given beside its plan.

    Attributes:
        key: The randomness of the whole run.
        train_state: Where it begins.
        train_data: Arrays, or a source of host batches.
        validation: Arrays, a source, or None.
        epochs: How many in all, those before a resume included.
        block_epochs: How many epochs are one call of the device.
        prefetch: How many host batches are copied ahead of their use.
        steps_per_epoch: How many host batches make an epoch; None: all that a source gives.
        every_steps: Steps between two checkpoints within an epoch of host batches.
    """

    key: jax.Array
    train_state: TrainState
    train_data: Data | Source
    validation: Data | Source | None
    epochs: int
    block_epochs: int
    prefetch: int
    steps_per_epoch: int | None
    every_steps: int | None

    def one_batch(self, batch_size: int) -> Task:
        """Return one epoch of one batch, to see quickly whether all of it works."""
        return replace(
            self,
            train_data=first_batch(self.train_data, batch_size),
            validation=first_batch(self.validation, batch_size),
            epochs=1,
            block_epochs=1,
            steps_per_epoch=None,
            every_steps=None,
        )
