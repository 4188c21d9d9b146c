"""Make an objective, the scalar that training brings down, of a model and a loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from .._programs import program
from .._text import excerpt
from .._types import Params, State, Tree
from ..metrics import Mean, mean, rows
from .contracts import Apply, Loss, Metric, Objective
from .state import Batch, TrainState, real_rows

T = TypeVar("T")


@dataclass(frozen=True, eq=False, kw_only=True)
class SupervisedObjective:
    """The objective that `supervised` makes; it is an `Objective`, and can check labels.

    Attributes:
        apply: The model.
        loss: The loss for each example.
        penalty: What is added for the parameters themselves, or None.
        metrics: The figures to watch, by name.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import losses, nn, train
        >>> model = nn.dense(3, 2)
        >>> objective = train.supervised(model.apply, losses.squared_error)
        >>> type(objective).__name__, objective.loss is losses.squared_error
        ('SupervisedObjective', True)
    """

    apply: Apply
    loss: Loss
    penalty: Callable[[Params], jax.Array] | None
    metrics: Mapping[str, Metric]

    def __call__(
        self,
        params: Params,
        state: State,
        batch: Batch,
        /,
        *,
        key: jax.Array | None = None,
        train: bool = False,
    ) -> tuple[jax.Array, tuple[State, dict[str, Mean]]]:
        """Return the mean loss over the real rows plus the penalty, the new state and the metrics.

        Raises:
            ValueError: If the loss does not give a value for each row.
            TypeError: If a metric does not give a `Mean`.
        """
        batch = batch._replace(x=_zero_hidden_rows(batch.x, batch.mask))
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

    def _loss(self, predictions: Tree, batch: Batch) -> Mean:
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

    def check(self, params: Params, state: State, x: Tree, y: Tree) -> None:
        """Check that the model has an output for each class label in `y`; compile nothing.

        Targets are labels if they are integers with one axis less than the predictions, whose last
        axis is the classes. Other targets are not checked.

        Args:
            params: The parameters.
            state: What the layers remember.
            x: Features `[rows, ...]`.
            y: Targets `[rows, ...]`.

        Raises:
            ValueError: If a label is negative, or not below the number of outputs.

        Example:
            >>> import jax, jax.numpy as jnp
            >>> from gradwise import losses, nn, train
            >>> model = nn.dense(3, 2)
            >>> objective = train.supervised(
            ...     model.apply, losses.softmax_cross_entropy_with_integer_labels
            ... )
            >>> params, state = model.init(jax.random.key(0))
            >>> objective.check(params, state, jnp.ones((2, 3)), jnp.array([0, 2]))
            Traceback (most recent call last):
            ValueError: labels must be in 0 .. 1 for a model of 2 outputs, got 2 at index (1,)
        """
        given = params, state, x
        try:
            predictions, _ = jax.eval_shape(program(_measured, self.apply, arguments=given), *given)
        except Exception as error:
            shapes = excerpt(jax.tree.map(jax.typeof, x))
            error.add_note(f"this is the model's answer to x of the data: {shapes}")
            raise
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


def _measured(apply: Apply) -> Callable[[Params, State, Tree], tuple[Tree, State]]:
    return partial(apply, key=None, train=False, mask=None)


def _as_mean(name: str, value: object) -> Mean:
    if isinstance(value, Mean):
        return value
    raise TypeError(
        f"metric {name!r} must give a sum and its weight, got {type(value).__name__}: return "
        "train.metrics.mean(values, where=where)"
    )


def _zero_hidden_rows(x: T, mask: jax.Array | None) -> T:
    """Return `x` with zeros in hidden rows: a NaN there, times a gradient of 0, would be NaN."""
    if mask is None:
        return x
    return jax.tree.map(lambda leaf: jnp.where(rows(mask, leaf.shape), leaf, leaf.dtype.type(0)), x)


def supervised(
    apply: Apply,
    loss: Loss,
    *,
    penalty: Callable[[Params], jax.Array] | None = None,
    metrics: Mapping[str, Metric] | None = None,
) -> SupervisedObjective:
    """Make the objective `mean loss over the real rows + penalty(params)`.

    Args:
        apply: A model's `apply(params, state, x, *, key, train, mask) -> (predictions, state)`.
        loss: `loss(predictions, targets, *, where=None) -> values`, one value for each example.
        penalty: A function of the parameters, its weight included.
        metrics: Functions like those of `train.metrics`, by name. The metrics `loss` (without the
            penalty) and, where there is one, `penalty` are always there.

    Returns:
        `objective(params, state, batch, *, key=None, train=False) -> (scalar, (state, metrics))`.

    Raises:
        ValueError: If a metric takes the name of one that is always there.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import losses, train
        >>> def apply(params, state, x, *, key=None, train=False, mask=None):
        ...     return x @ params, state
        >>> objective = train.supervised(
        ...     apply, losses.squared_error, penalty=lambda params: 0.5 * (params**2).sum()
        ... )
        >>> batch = train.Batch(jnp.eye(2), jnp.array([[1.0], [3.0]]))
        >>> value, (state, metrics) = objective(jnp.ones((2, 1)), (), batch)
        >>> float(value), float(metrics["loss"].value)
        (3.0, 2.0)
    """
    metrics = dict(metrics or {})
    taken = {"loss", "penalty", "skipped"} & metrics.keys()
    if taken:
        raise ValueError(
            f"supervised keeps the metric name {min(taken)!r} for itself: choose another"
        )
    return SupervisedObjective(apply=apply, loss=loss, penalty=penalty, metrics=metrics)


def check_targets(objective: Objective, train_state: TrainState, *parts: Tree | None) -> None:
    """Check pairs `(x, y)` by the objective's own `check(params, state, x, y)`, where it has one.

    Raises:
        ValueError: If a label is none that the model has an output for.
    """
    check = getattr(objective, "check", None)
    for part in parts:
        if check is not None and part is not None:
            check(train_state.params, train_state.state, *part)


def with_loss(value: jax.Array, metrics: Mapping[str, Mean], batch: Batch) -> dict[str, Mean]:
    """Return the metrics with the loss among them, which a user's own objective may leave out.

    Example:
        >>> with_loss(jnp.array(2.0), {}, Batch(jnp.zeros((3, 4)), jnp.zeros(3)))["loss"].value
        Array(2., dtype=float32)
    """
    if "loss" in metrics:
        return dict(metrics)
    count = real_rows(batch).sum(dtype=value.dtype)
    return {**metrics, "loss": Mean(value * count, count)}
