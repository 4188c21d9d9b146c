"""Loss and metrics of a data set, batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .. import data as datasets
from ..metrics import Mean
from .state import Batch, TrainState
from .transaction import with_loss


def evaluate(
    objective: Callable, train_state: TrainState, data: tuple[Any, Any], *, batch_size: int
) -> dict[str, jax.Array]:
    """Loss and metrics over all rows of `data`, a pure function: no randomness, nothing is changed.

    Example:
        >>> import optax, train
        >>> from train import metrics
        >>> def objective(params, state, batch, *, key=None, train=False):
        ...     error = metrics.mean(jnp.abs(batch.x - params), where=batch.mask)
        ...     return error.value, (state, {"loss": error})
        >>> train_state = train.init(jnp.array(1.0), (), optax.sgd(0.1))
        >>> evaluate(objective, train_state, (jnp.arange(3.0), jnp.zeros(3)), batch_size=2)
        {'loss': Array(0.6666667, dtype=float32)}
    """
    return values(totals(objective, train_state, data, batch_size))


def totals(
    objective: Callable, train_state: TrainState, data: tuple[Any, Any], batch_size: int
) -> dict[str, Mean]:
    """`evaluate` before sums are divided by counts; the data is read in place, not padded."""
    rows = datasets.length(data)
    size = min(batch_size, rows)

    def window(i: jax.Array) -> dict[str, Mean]:
        start = jnp.minimum(i * size, rows - size)  # the last window begins early, and hides what
        mask = start + jnp.arange(size) >= i * size  # the one before it has seen
        x, y = datasets.take(data, start + jnp.arange(size))
        return measure(objective, train_state, Batch(x, y, mask))

    windows = jax.lax.map(window, jnp.arange(-(-rows // size)))
    return jax.tree.map(lambda leaf: leaf.sum(axis=0), windows)


def measure(objective: Callable, train_state: TrainState, batch: Batch) -> dict[str, Mean]:
    """The metrics of one batch, without training."""
    params, state, _, _ = train_state
    value, (_, metrics) = objective(params, state, batch, key=None, train=False)
    return with_loss(value, metrics, batch)


def values(means: dict[str, Mean]) -> dict[str, jax.Array]:
    """Divides sums by counts.

    Example:
        >>> float(values({"loss": Mean(jnp.array(3.0), jnp.array(2.0))})["loss"])
        1.5
    """
    return {name: mean.value for name, mean in means.items()}
