"""A training step that is made as a whole or, where something is not finite, not at all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.sharding import NamedSharding

from .. import gradients
from .._checks import check_key
from .._places import Places
from .._sharding import axes_of_rows, check_sharding
from .._types import Params, State
from ..metrics import Figure, Mean
from .accumulation import Differentiate, Differentiated, WeightSums, accumulated
from .augmentation import Augment, augmented
from .committing import Given, commit
from .contracts import Objective, check_objective
from .judging import Judgement
from .loss_scale import is_forgiven, scaled, scaling_of
from .optimizers import check_optimizer, update_of
from .optional import weight_sums_of, with_loss, with_whole
from .proposing import Elsewhere, proposed
from .state import Batch, TrainState, check_batch, check_train_state, select
from .step_metrics import with_own

Step = Callable[[jax.Array, TrainState, Batch], tuple[TrainState, dict[str, Figure]]]
Attempt = Callable[..., tuple[TrainState, dict[str, Figure], jax.Array, jax.Array]]


def make_step(
    objective: Objective,
    optimizer: optax.GradientTransformation,
    *,
    gradient: gradients.Gradient = gradients.reverse,
    accumulate: int = 1,
    augment: Augment | None = None,
    sharding: NamedSharding | None = None,
) -> Step:
    """Make a training step, a pure function `step(key, train_state, batch)` to be jitted.

    The key may be the same in every step: randomness comes from `fold_in(key, train_state.step)`.

    A step is a transaction: when the loss, a gradient, a new parameter or a new running statistic
    is not finite, parameters, statistics and optimizer state all stay as they were, `step` still
    counts, and `metrics["skipped"].total` is 1. What a `loss_scaling` forgives changes nothing but
    the scale and `step`, and `metrics["overflows"].total` is 1.

    Args:
        objective: What `supervised` makes, or any `Objective`.
        optimizer: Any optax transformation. Those with extra arguments get `value`, `grad`,
            `value_fn`, `obj_fn` and `grad_fn`, such as line searches, `optax.contrib.sam` and
            `reduce_on_plateau`. Some train other parameters than those to evaluate: SAM's are its
            own every `sync_period` steps, and those of `schedule_free` come from
            `optax.contrib.schedule_free_eval_params(train_state.opt_state, train_state.params)`.
        gradient: How to differentiate, one of `train.gradients`.
        accumulate: The number of micro-batches that a batch is cut into. Their gradients are
            averaged in float32 or wider by their real rows, and the means of `supervised` by their
            weights, so the update is that of the whole batch; layers that look
            across rows, batch norm, see one micro-batch at a time, and each micro-batch draws its
            own dropout masks.
        augment: Changes the features of the batch at random, a pure function `augment(key, x) -> x`
            of `x` `[batch, ...]`, compiled into the step; `OnBatch` of `fn(key, batch) -> batch`
            sees the targets and the mask, too. Its key is split off the step's, so that dropout
            draws the masks that it draws without; each micro-batch has its own. A line search sees
            the step's own augmented batch.
        sharding: How the rows of a batch are spread over a mesh, for `accumulate`; by default as
            `make_run` says.

    Returns:
        `step(key, train_state, batch) -> (train_state, metrics)`.

    Raises:
        ValueError: If `accumulate` is not an integer above 0; when traced, if it does not divide
            the batch, or the train state was made with another optimizer.
        TypeError: If the objective or the optimizer is none; when traced, if the key, the train
            state or the batch is none.

    Example:
        >>> import jax, jax.numpy as jnp, optax
        >>> from gradwise import train
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
    check_objective(objective)
    check_optimizer("optimizer", optimizer)
    attempt = make_attempt(
        objective, optimizer, gradient=gradient, accumulate=accumulate, augment=augment,
        sharding=sharding,
    )  # fmt: skip

    def step(
        key: jax.Array, train_state: TrainState, batch: Batch
    ) -> tuple[TrainState, dict[str, Figure]]:
        check_key(key)
        check_train_state("a step", train_state, optimizer)
        check_batch("a step", batch)
        kept, metrics, bad, _ = attempt(key, train_state, batch)
        skipped = Mean(bad.any().astype(jnp.float32), jnp.ones(()))
        return kept._replace(step=train_state.step + 1), metrics | {"skipped": skipped}

    return step


def make_attempt(
    objective: Objective,
    optimizer: optax.GradientTransformation,
    *,
    gradient: gradients.Gradient,
    accumulate: int,
    augment: Augment | None = None,
    gradient_norm: bool = False,
    sharding: NamedSharding | None = None,
    places: Places = None,
) -> Attempt:
    """Make a step that is made or undone: `attempt(key, train_state, batch, stopped=False)`.

    Returns:
        `attempt(key, train_state, batch, stopped) -> (kept, metrics, bad, unmade)`, where `bad`
        `[leaves]` bool says what is not finite, in the order of `leaf_names`. If anything is, or if
        the run has `stopped`, the train state is as before, its step included. `unmade` `[]` bool
        says that there was no update: also where a loss scale was too large, which is forgiven.
        With `gradient_norm` the gradient's length is one of the metrics.
    """
    check_sharding("a batch", sharding)
    update = update_of(optimizer)
    weight_sums = _weight_sums(objective, augment)
    objective = with_whole(objective, places, axes_of_rows(sharding))
    parts = partial(accumulated, parts=accumulate, weight_sums=weight_sums, sharding=sharding)
    evaluate = parts(_evaluator(objective, augment))

    def attempt(
        key: jax.Array, train_state: TrainState, batch: Batch, stopped: bool | jax.Array = False
    ) -> tuple[TrainState, dict[str, Figure], jax.Array, jax.Array]:
        params, state, opt_state, step = train_state
        key = jax.random.fold_in(key, step)
        scaling = scaling_of(opt_state)
        way = gradient if scaling is None else scaled(gradient, scaling)
        differentiate = parts(_differentiator(objective, way, augment))
        (value, (new_state, metrics)), slope = differentiate(params, state, batch, key)

        def value_fn(params: Params) -> jax.Array:
            return evaluate(params, state, batch, key)[0][0]

        def grad_fn(params: Params, _: Any) -> Params:
            return differentiate(params, state, batch, key)[1]

        judgement = Judgement(value, slope, new_state, stopped, is_forgiven(scaling))
        overflow = judgement.overflow
        metrics = with_own(metrics, slope if gradient_norm else None, scaling, overflow)
        propose = partial(proposed, update, Elsewhere(value_fn, grad_fn))
        given = Given(slope, opt_state, params, value)
        params, opt_state, bad, undo = commit(propose, given, judgement.of)
        # The batch that no update was made of does not move the layers' running statistics.
        state = select(undo | overflow, state, new_state)
        step = select(undo, step, step + 1)
        return TrainState(params, state, opt_state, step), metrics, bad, undo | overflow

    return attempt


def make_forward(
    objective: Objective, *, accumulate: int, augment: Augment | None
) -> Callable[[jax.Array, TrainState, Batch], jax.Array]:
    """Make `forward(key, train_state, batch)`: the value that a step differentiates, `[]`.

    Dropout and augmentation draw what the step draws.
    """
    weight_sums = _weight_sums(objective, augment)
    evaluate = accumulated(_evaluator(objective, augment), accumulate, weight_sums=weight_sums)

    def forward(key: jax.Array, train_state: TrainState, batch: Batch) -> jax.Array:
        params, state, _, step = train_state
        return evaluate(params, state, batch, jax.random.fold_in(key, step))[0][0]

    return forward


def _model_batch(augment: Augment | None, batch: Batch, key: jax.Array) -> Batch:
    """Return the batch of a step under the step's key as the model sees it."""
    return augmented(augment, jax.random.fold_in(key, 2), batch)


def _weight_sums(objective: Objective, augment: Augment | None) -> WeightSums | None:
    """Return what an objective of weighted means divides by, after augmentation; None: nothing."""
    sums_of = weight_sums_of(objective)
    if sums_of is None:
        return None
    return lambda batch, key: sums_of(_model_batch(augment, batch, key))


def _at(
    objective: Objective, augment: Augment | None, state: State, batch: Batch, key: jax.Array
) -> Callable[[Params], tuple[jax.Array, tuple[State, dict[str, Figure]]]]:
    """Fix all arguments of the objective but the parameters, under the model's own key."""
    model_key = jax.random.fold_in(key, 0)  # and 1 is folded in for the gradient's
    batch = _model_batch(augment, batch, key)

    def fn(params: Params) -> tuple[jax.Array, tuple[State, dict[str, Figure]]]:
        value, (new_state, metrics) = objective(params, state, batch, key=model_key, train=True)
        return value, (new_state, with_loss(value, metrics, batch))

    return fn


def _differentiator(
    objective: Objective, gradient: gradients.Gradient, augment: Augment | None
) -> Differentiate:
    def differentiate(params: Params, state: State, batch: Batch, key: jax.Array) -> Differentiated:
        fn = _at(objective, augment, state, batch, key)
        return gradient(fn, params, jax.random.fold_in(key, 1))

    return differentiate


def _evaluator(objective: Objective, augment: Augment | None) -> Differentiate:
    """Make what `_differentiator` makes, without differentiating: the slope is an empty tree."""

    def evaluate(params: Params, state: State, batch: Batch, key: jax.Array) -> Differentiated:
        return _at(objective, augment, state, batch, key)(params), ()

    return evaluate
