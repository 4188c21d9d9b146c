"""From a model and a loss to the scalar that a step brings down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..metrics import Mean, mean, rows
from .state import Batch, TrainState


@dataclass(frozen=True, eq=False)
class Objective:
    """What `supervised` makes: a function, and a check of the data that it will meet."""

    apply: Callable
    loss: Callable
    penalty: Callable | None
    metrics: Mapping[str, Callable]

    def __call__(
        self,
        params: Any,
        state: Any,
        batch: Batch,
        *,
        key: jax.Array | None = None,
        train: bool = False,
    ) -> tuple[jax.Array, tuple[Any, dict[str, Mean]]]:
        """The mean loss over the real rows plus the penalty; the new state and the metrics."""
        batch = batch._replace(x=_hide(batch.x, batch.mask))
        predictions, state = self.apply(
            params, state, batch.x, key=key, train=train, mask=batch.mask
        )
        loss = self._loss(predictions, batch)
        results = {"loss": loss}
        for name, metric in self.metrics.items():
            results[name] = _as_mean(name, metric(predictions, batch.y, where=batch.mask))
        value = loss.total / jnp.maximum(loss.weight, 1)
        if self.penalty is not None:
            penalty = self.penalty(params)
            results["penalty"] = Mean(penalty * loss.weight, loss.weight)
            value = value + penalty
        return value, (state, results)

    def _loss(self, predictions: jax.Array, batch: Batch) -> Mean:
        if batch.mask is None:
            return mean(self.loss(predictions, batch.y))
        values = jax.eval_shape(self.loss, predictions, batch.y)
        if values.shape[:1] != batch.mask.shape:
            raise ValueError(
                f"a loss must give one value for each of {len(batch.mask)} rows, got shape "
                f"{values.shape}: leave their mean to supervised"
            )
        real = rows(batch.mask, values.shape)
        return mean(self.loss(predictions, batch.y, where=real), where=batch.mask)

    def check(self, params: Any, state: Any, x: Any, y: Any) -> None:
        """Raises `ValueError` for a class label that the model has no output for; compiles nothing.

        Labels are integers with one axis less than the predictions, whose last axis is the classes.
        """
        apply = partial(self.apply, key=None, train=False, mask=None)
        predictions, _ = jax.eval_shape(apply, params, state, x)
        if not (hasattr(y, "dtype") and jnp.issubdtype(y.dtype, jnp.integer)):
            return
        if not hasattr(predictions, "shape") or y.shape != predictions.shape[:-1]:
            return
        labels, classes = np.asarray(y), predictions.shape[-1]
        outside = np.argwhere((labels < 0) | (labels >= classes))
        if outside.size:
            where = tuple(outside[0].tolist())
            raise ValueError(
                f"labels must be in 0 .. {classes - 1} for a model of {classes} outputs, got "
                f"{labels[where]} at index {where}"
            )


def _as_mean(name: str, value: Any) -> Mean:
    if isinstance(value, Mean):
        return value
    raise TypeError(
        f"metric {name!r} must give a sum and its weight, got {type(value).__name__}: return "
        "train.metrics.mean(values, where=where)"
    )


def _hide(x: Any, mask: jax.Array | None) -> Any:
    """Zeros behind the mask, since a NaN there times a gradient of zero would be NaN."""
    if mask is None:
        return x
    return jax.tree.map(lambda leaf: jnp.where(rows(mask, leaf.shape), leaf, 0), x)


def supervised(
    apply: Callable,
    loss: Callable,
    *,
    penalty: Callable[[Any], jax.Array] | None = None,
    metrics: Mapping[str, Callable[..., Mean]] | None = None,
) -> Objective:
    """The objective `mean loss over the real rows + penalty(params)`.

    Args:
        apply: a model's `apply(params, state, x, *, key, train, mask) -> (predictions, state)`.
        loss: `loss(predictions, targets, *, where=None) -> values`, one value per example.
        penalty: a function of the parameters, its weight included.
        metrics: by name, functions like those of `train.metrics`; `loss` (without the penalty) and
            `penalty` are always there.

    Returns:
        `objective(params, state, batch, *, key, train) -> (scalar, (state, metrics))`.

    Raises:
        ValueError: when a metric takes the name of one that is always there; when traced, for a
            loss that gives no value for each row.
        TypeError: when traced, for a metric that gives no `Mean`.

    Example:
        >>> def apply(params, state, x, *, key=None, train=False, mask=None):
        ...     return x @ params, state
        >>> def loss(predictions, targets, *, where=None):
        ...     return (predictions - targets) ** 2
        >>> objective = supervised(apply, loss, penalty=lambda params: 0.5 * (params**2).sum())
        >>> batch = Batch(jnp.eye(2), jnp.array([1, 3]))
        >>> value, (state, metrics) = objective(jnp.ones(2), (), batch)
        >>> float(value), float(metrics["loss"].value)
        (3.0, 2.0)
    """
    metrics = dict(metrics or {})
    taken = {"loss", "penalty", "skipped"} & metrics.keys()
    if taken:
        raise ValueError(
            f"supervised keeps the metric name {min(taken)!r} for itself: choose another"
        )
    return Objective(apply, loss, penalty, metrics)


def check_targets(objective: Callable, train_state: TrainState, *parts: Any | None) -> None:
    """Lets an objective with a method `check(params, state, x, y)`, as `supervised`'s, use it."""
    check = getattr(objective, "check", None)
    for part in parts:
        if check is not None and part is not None:
            check(train_state.params, train_state.state, *part)
