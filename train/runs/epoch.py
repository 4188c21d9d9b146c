"""The steps of an epoch and its end, which compiled runs and host batches share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import jax
import jax.numpy as jnp

from .._places import kept_at
from .._precision import at_least_float32
from ..metrics import Figure, Mean
from ..steps import Batch
from ..steps.averages import Average
from ..steps.evaluation import values
from ..steps.loss_scale import OVERFLOWS, SCALE
from ..steps.state import select
from ..steps.step_metrics import NORM
from ..steps.transaction import make_attempt
from .carry import Carry, is_stale, measured
from .ending import is_invalid
from .plan import Plan
from .watching import learning_rates, monitored

RunStep: TypeAlias = Callable[[jax.Array, Carry, Batch], tuple[Carry, dict[str, Figure]]]


def make_run_step(plan: Plan) -> RunStep:
    """Make a step of a run: `step(key, carry, batch) -> (carry, metrics)`.

    A step that is not finite changes nothing; it is counted as skipped, or it is the run's last.
    When the run has stopped, steps change nothing and measure nothing.
    """
    attempt = make_attempt(
        plan.objective,
        plan.optimizer,
        gradient=plan.gradient,
        accumulate=plan.accumulate,
        augment=plan.augment,
        gradient_norm=plan.gradient_norm,
        sharding=plan.sharding,
        places=plan.places,
    )

    def step(key: jax.Array, carry: Carry, batch: Batch) -> tuple[Carry, dict[str, Figure]]:
        train_state, watch = carry
        kept, metrics, bad, unmade = attempt(key, train_state, batch, watch.stopped)
        failed = bad.any()
        undo = failed | watch.stopped
        first = ~jnp.isfinite(watch.untrained_loss) & ~undo
        loss = metrics["loss"].value.astype(watch.untrained_loss.dtype)
        watch = watch._replace(untrained_loss=jnp.where(first, loss, watch.untrained_loss))
        if plan.on_nonfinite == "skip":
            kept = kept._replace(step=train_state.step + _one_unless(watch.stopped))
        else:
            watch = watch._replace(
                bad=jnp.where(watch.stopped, watch.bad, bad), stopped=watch.stopped | failed
            )
        if plan.average is not None and isinstance(watch.average, Average):
            average = plan.average.update(watch.average, (kept.params, kept.state))
            watch = watch._replace(average=select(unmade, watch.average, average))
        metrics = jax.tree.map(lambda leaf: jnp.where(undo, 0, leaf), metrics)
        skipped = failed.astype(jnp.float32)
        carry = kept_at(plan.places, Carry(kept, watch))
        return carry, metrics | {"skipped": Mean(skipped, jnp.ones_like(skipped))}

    return step


def _one_unless(stopped: jax.Array) -> jax.Array:
    return (~stopped).astype(jnp.int32)


def skipped_steps(metrics: Mapping[str, Figure]) -> jax.Array:
    """Return how many of the steps that were summed were skipped, `[]`."""
    return _count("skipped", metrics)


def _count(name: str, metrics: Mapping[str, Figure]) -> jax.Array:
    counted = metrics[name]
    assert isinstance(counted, Mean)
    return counted.total


def close_epoch(
    plan: Plan, carry: Carry, train: Mapping[str, Figure], validation: Mapping[str, Figure] | None
) -> tuple[Carry, dict[str, jax.Array]]:
    """End an epoch: decide whether it was the best one and whether it is the last one.

    Args:
        plan: How to train.
        carry: The run after the epoch's steps.
        train: The sums of the steps' metrics.
        validation: The sums of the validation metrics, or None.

    Returns:
        The carry, and the epoch's entry of each curve `[]`; NaN if the run stopped before its end.
    """
    train_state, watch = carry
    row = {
        name: jnp.where(watch.stopped, jnp.nan, at_least_float32(jnp.asarray(value)))
        for name, value in (_curves(train, validation) | learning_rates(plan, train_state)).items()
    }
    loss = monitored(plan, row, validated=validation is not None)
    loss = loss.astype(watch.best_loss.dtype)
    # Neither NaN nor minus infinity becomes the best loss, which nothing would be lower than.
    counts = ~is_invalid(loss) & ~watch.stopped
    better = (loss < watch.best_loss) & counts
    progress = (loss < watch.reference - plan.min_delta) & counts
    stale = jnp.where(progress, 0, watch.stale + 1)
    ends = is_stale(plan, stale)
    if validation is not None and plan.on_nonfinite == "raise":
        ends = ends | is_invalid(row["validation_loss"])
    watch = watch._replace(
        done=watch.done + _one_unless(watch.stopped),
        best=select(better, measured(carry), watch.best) if plan.keep_best is True else (),
        best_loss=jnp.where(better, loss, watch.best_loss),
        best_epoch=jnp.where(better, watch.done + 1, watch.best_epoch),
        reference=jnp.where(progress, loss, watch.reference),
        stale=stale,
        stopped=watch.stopped | ends,
    )
    return Carry(train_state, watch), row


def _curves(
    train: Mapping[str, Figure], validation: Mapping[str, Figure] | None
) -> dict[str, jax.Array]:
    """Return the epoch's means by the names of their curves; steps that were left out, counted."""
    counted = ("skipped", OVERFLOWS) if SCALE in train else ("skipped",)
    plain = {name: _count(name, train) for name in counted}
    plain |= {name: train[name].value for name in (NORM, SCALE) if name in train}
    means = {name: mean for name, mean in train.items() if name not in plain}
    curves = plain | {f"train_{name}": value for name, value in values(means).items()}
    if validation is not None:
        curves |= {f"validation_{name}": value for name, value in values(validation).items()}
    return curves
