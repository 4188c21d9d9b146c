"""What an objective may bring beside its value: sums of weights, a check, the loss as a metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from .._places import Places, whole
from .._types import Params, State, Tree
from ..metrics import Figure, Mean, wide
from .contracts import Objective
from .state import Batch, TrainState, real_rows


def weight_sums_of(objective: Objective) -> Callable[[Batch], Tree] | None:
    """Return the objective's own `weight_sums(batch)`, where it has one."""
    return getattr(objective, "weight_sums", None)


def check_targets(objective: Objective, train_state: TrainState, *parts: Tree | None) -> None:
    """Check pairs `(x, y)` by the objective's own `check(params, state, x, y)`, where it has one.

    Raises:
        ValueError: If a label is none that the model has an output for.
    """
    check = getattr(objective, "check", None)
    for part in parts:
        if check is not None and part is not None:
            check(train_state.params, train_state.state, *part)


def with_loss(value: jax.Array, metrics: Mapping[str, Figure], batch: Batch) -> dict[str, Figure]:
    """Return the metrics with the loss among them, which a user's own objective may leave out.

    Sums in half precision become float32, in which those of the batches are added.

    Example:
        >>> with_loss(jnp.array(2.0), {}, Batch(jnp.zeros((3, 4)), jnp.zeros(3)))["loss"].value
        Array(2., dtype=float32)
    """
    figures = dict(metrics)
    if "loss" not in figures:
        value, count = wide(value), real_rows(batch).sum()
        figures["loss"] = Mean(value * count, count.astype(value.dtype))
    return jax.tree.map(_wide_if_floating, figures)


def _wide_if_floating(leaf: jax.Array) -> jax.Array:
    return wide(leaf) if jnp.issubdtype(jnp.asarray(leaf).dtype, jnp.floating) else leaf


def with_whole(objective: Objective, places: Places, axes: tuple[str, ...]) -> Objective:
    """Return an objective of parameters that are gathered from the axes of the rows."""
    if places is None:
        return objective

    def of_whole(
        params: Params,
        state: State,
        batch: Batch,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
    ) -> tuple[jax.Array, tuple[State, Mapping[str, Figure]]]:
        params, state = whole(places, (params, state), axes)
        return objective(params, state, batch, key=key, train=train)

    return of_whole
