"""What a run watches: the figure that patience and the best epoch go by, and curves of its own."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax.tree_util import DictKey, GetAttrKey

from ..steps import TrainState
from .plan import Plan

_RATE = (GetAttrKey("hyperparams"), DictKey("learning_rate"))


def monitored(plan: Plan, row: Mapping[str, jax.Array], *, validated: bool) -> jax.Array:
    """Return the figure of an epoch that is to be low, `[]`: the monitored curve, or its negative.

    Args:
        plan: How to train.
        row: The epoch's entry of each curve.
        validated: Whether there are validation data.

    Raises:
        ValueError: If there is no such curve, or if it holds more than a number an epoch.

    Example:
        >>> import optax
        >>> plan = Plan(
        ...     objective=print, optimizer=optax.sgd(0.1), batch_size=4,
        ...     monitor="train_accuracy", mode="max",
        ... )
        >>> float(monitored(plan, {"train_accuracy": jnp.array(0.75)}, validated=False))
        -0.75
    """
    name = plan.monitor or ("validation_loss" if validated else "train_loss")
    if name not in row:
        there_are = ", ".join(sorted(row))
        raise ValueError(f"monitor={name!r} is no curve of this training: there are {there_are}")
    if row[name].ndim:
        raise ValueError(
            f"monitor needs a curve of one number an epoch, got {name!r} of {row[name].shape}: "
            "measure a mean of them"
        )
    return -row[name] if plan.mode == "max" else row[name]


def learning_rates(plan: Plan, train_state: TrainState) -> dict[str, jax.Array]:
    """Return the learning rate of the step that was made last, in float32, by its curve's name.

    It is that of the schedule in the plan, else what `optax.inject_hyperparams` keeps in the
    optimizer's state; of several there, `learning_rate_1` is the first.

    Example:
        >>> import optax
        >>> optimizer = optax.inject_hyperparams(optax.sgd)(learning_rate=0.5)
        >>> plan = Plan(objective=print, optimizer=optimizer, batch_size=4)
        >>> opt_state = optimizer.init(jnp.ones(2))
        >>> learning_rates(plan, TrainState(jnp.ones(2), (), opt_state, jnp.array(0)))
        {'learning_rate': Array(0.5, dtype=float32)}
    """
    if plan.learning_rate is not None:
        rates = [plan.learning_rate(train_state.step - 1)]
    else:
        leaves = jax.tree.leaves_with_path(train_state.opt_state)
        rates = [leaf for path, leaf in leaves if path[-2:] == _RATE]
    names = [f"learning_rate_{i + 1}" for i in range(len(rates))]
    names = ["learning_rate"] if len(rates) == 1 else names
    return {name: jnp.float32(rate) for name, rate in zip(names, rates, strict=True)}
