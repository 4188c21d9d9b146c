"""Training as most people call it: a compiled run, driven in blocks of epochs."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np
import optax
from jax import Array

from . import gradients
from ._checks import check_sets, check_targets
from .history import History
from .loop import Plan, finish, positive, start
from .run import Data, make_block
from .state import TrainState


def fit(
    key: Array,
    train_state: TrainState,
    objective: Callable,
    optimizer: optax.GradientTransformation,
    train_data: Data,
    *,
    validation: Data | None = None,
    epochs: int,
    batch_size: int,
    epochs_per_call: int = 1,
) -> tuple[TrainState, History]:
    """Trains; see `make_run`, of which this drives one block of epochs after another."""
    positive("epochs", epochs)
    positive("epochs_per_call", epochs_per_call)
    plan = Plan(objective, optimizer, batch_size, gradients.reverse, 1, "raise", None, False)
    check_sets(train_data, validation, batch_size=batch_size)
    check_targets(objective, train_state, train_data, validation)
    block = jax.jit(make_block(plan, min(epochs_per_call, epochs)), donate_argnums=1)
    carry, history = start(plan, train_state), History.empty()
    while history.epochs < epochs and not carry.watch.stopped:
        carry, curves = block(key, carry, train_data, validation, epochs)
        made = int(carry.watch.done) - history.epochs
        history = history.append({name: np.asarray(curve)[:made] for name, curve in curves.items()})
    return finish(plan, carry), history
