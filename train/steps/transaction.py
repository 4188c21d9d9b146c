"""One training step: a pure function, and a transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from .. import gradients
from ..metrics import Mean
from .accumulation import accumulated
from .state import Batch, TrainState, real_rows, select


def make_step(
    objective: Callable,
    optimizer: optax.GradientTransformation,
    *,
    gradient: gradients.Gradient = gradients.reverse,
    accumulate: int = 1,
) -> Callable[[jax.Array, TrainState, Batch], tuple[TrainState, dict[str, Mean]]]:
    """A training step `step(key, train_state, batch) -> (train_state, metrics)`, to be jitted.

    The key may be the same in every step: randomness comes from `fold_in(key, train_state.step)`.

    A step is a transaction: when the loss, a gradient, a new parameter or a new running statistic
    is not finite, parameters, statistics and optimizer state all stay as they were, `step` still
    counts, and `metrics["skipped"].total` is 1.

    Args:
        objective: `objective(params, state, batch, *, key, train) -> (scalar, (state, metrics))`.
        optimizer: any optax transformation; line searches get `value`, `grad` and `value_fn`.
        gradient: how to differentiate, one of `train.gradients`.
        accumulate: the number of micro-batches that a batch is cut into. Their gradients are
            averaged by their real rows, so the update is that of the whole batch; layers that look
            across rows, batch norm, see one micro-batch at a time, and each micro-batch draws its
            own dropout masks.

    Raises:
        ValueError: when `accumulate` is not a positive integer, or does not divide a batch.

    Example:
        >>> import optax, train
        >>> def objective(params, state, batch, *, key, train):
        ...     return ((batch.x @ params - batch.y) ** 2).mean(), (state, {})
        >>> optimizer = optax.sgd(0.1)
        >>> step = jax.jit(train.make_step(objective, optimizer))
        >>> train_state = train.init(jnp.zeros(2), (), optimizer)
        >>> batch = train.Batch(jnp.eye(2), jnp.array([1.0, 3.0]))
        >>> train_state, metrics = step(jax.random.key(0), train_state, batch)
        >>> float(metrics["loss"].value), int(train_state.step)
        (5.0, 1)
    """
    attempt = make_attempt(objective, optimizer, gradient=gradient, accumulate=accumulate)

    def step(
        key: jax.Array, train_state: TrainState, batch: Batch
    ) -> tuple[TrainState, dict[str, Mean]]:
        new, metrics, bad = attempt(key, train_state, batch)
        kept = select(bad.any(), train_state, new)._replace(step=new.step)
        skipped = Mean(bad.any().astype(jnp.float32), jnp.ones(()))
        return kept, metrics | {"skipped": skipped}

    return step


def make_attempt(
    objective: Callable,
    optimizer: optax.GradientTransformation,
    *,
    gradient: gradients.Gradient,
    accumulate: int,
) -> Callable[[jax.Array, TrainState, Batch], tuple[TrainState, dict[str, Mean], jax.Array]]:
    """A step before it is judged: `attempt(key, train_state, batch) -> (new, metrics, bad)`.

    `bad` `[leaves]` bool says what was not finite, in the order of `leaf_names`.
    """
    optimizer = optax.with_extra_args_support(optimizer)
    differentiate = accumulated(_differentiate(objective, gradient), accumulate)

    def attempt(
        key: jax.Array, train_state: TrainState, batch: Batch
    ) -> tuple[TrainState, dict[str, Mean], jax.Array]:
        params, state, opt_state, step = train_state
        key = jax.random.fold_in(key, step)
        (value, (new_state, metrics)), slope = differentiate(params, state, batch, key)

        def value_fn(params: Any) -> jax.Array:  # for line searches; others never call it
            return objective(params, state, batch, key=_model_key(key), train=True)[0]

        updates, new_opt_state = optimizer.update(
            slope, opt_state, params, value=value, grad=slope, value_fn=value_fn
        )
        new_params = optax.apply_updates(params, updates)
        bad = jnp.stack(
            [_not_finite(leaf) for leaf in jax.tree.leaves((value, slope, new_params, new_state))]
        )
        return TrainState(new_params, new_state, new_opt_state, step + 1), metrics, bad

    return attempt


def leaf_names(train_state: TrainState) -> list[str]:
    """What each entry of an attempt's `bad` stands for.

    Example:
        >>> leaf_names(TrainState({"slope": jnp.zeros(2)}, (), (), jnp.zeros((), jnp.int32)))
        ['loss', "gradient of ['slope']", "new ['slope']"]
    """
    params, state = (
        [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(tree)]
        for tree in (train_state.params, train_state.state)
    )
    gradients = [f"gradient of {name}" for name in params]
    return ["loss", *gradients, *(f"new {name}" for name in params + state)]


def _not_finite(leaf: Any) -> jax.Array:
    leaf = jnp.asarray(leaf)
    if not jnp.issubdtype(leaf.dtype, jnp.inexact):  # counters and keys
        return jnp.array(False)
    # By the column first: a fraction of the time of one reduction to a scalar, on a CPU.
    largest = jnp.abs(leaf).max(axis=tuple(range(leaf.ndim - 1)), initial=0)
    return ~jnp.isfinite(largest).all()


def _model_key(key: jax.Array) -> jax.Array:
    return jax.random.fold_in(key, 0)


def _differentiate(objective: Callable, gradient: gradients.Gradient) -> Callable:
    def differentiate(params: Any, state: Any, batch: Batch, key: jax.Array) -> tuple[Any, Any]:
        model_key, gradient_key = _model_key(key), jax.random.fold_in(key, 1)

        def at(params: Any) -> tuple[jax.Array, tuple[Any, dict[str, Mean]]]:
            value, (new_state, metrics) = objective(params, state, batch, key=model_key, train=True)
            return value, (new_state, with_loss(value, metrics, batch))

        return gradient(at, params, gradient_key)

    return differentiate


def with_loss(value: jax.Array, metrics: dict[str, Mean], batch: Batch) -> dict[str, Mean]:
    """Adds the loss to the metrics of an objective of the user's own, which need not report it.

    Example:
        >>> with_loss(jnp.array(2.0), {}, Batch(jnp.zeros((3, 4)), jnp.zeros(3)))["loss"].value
        Array(2., dtype=float32)
    """
    if "loss" in metrics:
        return metrics
    count = real_rows(batch).sum(dtype=value.dtype)
    return metrics | {"loss": Mean(value * count, count)}
