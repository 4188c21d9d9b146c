"""The parts of a run that the compiled loop and the streaming loop share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from .. import gradients
from .._checks import positive
from ..metrics import Mean
from ..steps.evaluation import values
from ..steps.state import Batch, TrainState, select
from ..steps.transaction import leaf_names, make_attempt


@dataclass(frozen=True)
class Plan:
    """How to train: the options that `make_run` and `fit` share, checked."""

    objective: Callable
    optimizer: optax.GradientTransformation
    batch_size: int
    gradient: gradients.Gradient
    accumulate: int
    on_nonfinite: Literal["raise", "skip"]
    patience: int | None
    keep_best: bool

    def __post_init__(self) -> None:
        integers = {"batch_size": self.batch_size, "accumulate": self.accumulate}
        if self.patience is not None:
            integers["patience"] = self.patience
        for name, value in integers.items():
            object.__setattr__(self, name, positive(name, value))  # NumPy's become Python's
        if self.on_nonfinite not in ("raise", "skip"):
            raise ValueError(f'on_nonfinite must be "raise" or "skip", got {self.on_nonfinite!r}')
        if self.batch_size % self.accumulate:
            raise ValueError(
                f"accumulate={self.accumulate} must divide batch_size={self.batch_size}"
            )


class Watch(NamedTuple):
    """What a run remembers from epoch to epoch beside the train state."""

    done: jax.Array  # [] int32, epochs made
    untrained_loss: jax.Array  # [], not finite before the first step
    best: Any  # the best epoch's train state; () when it is not asked for
    best_loss: jax.Array  # []
    stale: jax.Array  # [] int32, epochs since the best one
    stopped: jax.Array  # [] bool
    bad: jax.Array  # [leaves] bool, what was not finite in the step that ended the run


class Carry(NamedTuple):
    """All that a run is, between two steps."""

    train_state: TrainState
    watch: Watch


def start(plan: Plan, train_state: TrainState) -> Carry:
    """The carry before the first epoch; it owns its buffers, so that they can be donated."""
    watch = Watch(
        done=jnp.zeros((), jnp.int32),
        untrained_loss=jnp.array(jnp.inf, float),  # unknown, and no NaN for `jax.debug_nans`
        best=own(train_state) if plan.keep_best else (),
        best_loss=jnp.array(jnp.inf, float),
        stale=jnp.zeros((), jnp.int32),
        stopped=jnp.array(False),
        bad=jnp.zeros(len(leaf_names(train_state)), bool),
    )
    return Carry(own(train_state), watch)


def own(tree: Any) -> Any:
    """A copy of every leaf, as an array of a settled type.

    Example:
        >>> own({"rate": 0.5})
        {'rate': Array(0.5, dtype=float32)}
    """
    return jax.tree.map(_own, tree)


def _own(leaf: Any) -> jax.Array:
    leaf = jnp.array(leaf, copy=True)
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return leaf
    return jax.lax.convert_element_type(leaf, leaf.dtype)  # a weak type would be traced twice


def beside(carry: Carry, data: Any) -> Carry:
    """The carry on every device that the data are spread over, where it has no place of its own.

    Left to itself, it would be moved there by the first call and compiled for again by the second.
    """
    leaves = jax.tree.leaves(data) if isinstance(data, tuple) else []  # a host's are nowhere yet
    shardings = {getattr(leaf, "sharding", None) for leaf in leaves}
    meshes = [s.mesh for s in shardings if isinstance(s, jax.sharding.NamedSharding)]
    if not meshes:
        return carry
    everywhere = jax.sharding.NamedSharding(meshes[0], jax.sharding.PartitionSpec())
    return jax.tree.map(
        lambda leaf: leaf if leaf.committed else jax.device_put(leaf, everywhere), carry
    )


def finish(plan: Plan, carry: Carry) -> TrainState:
    """The train state that a run returns."""
    return carry.watch.best if plan.keep_best else carry.train_state


def reopen(plan: Plan, carry: Carry) -> Carry:
    """The carry of a checkpoint under this plan, whose patience may be another than it ended by."""
    watch = carry.watch
    stopped = watch.bad.any() | _is_stale(plan, watch.stale)
    return carry._replace(watch=watch._replace(stopped=stopped))


def _is_stale(plan: Plan, stale: jax.Array) -> jax.Array:
    return stale >= (jnp.iinfo(jnp.int32).max if plan.patience is None else plan.patience)


def make_advance(plan: Plan) -> Callable[[jax.Array, Carry, Batch], tuple[Carry, dict[str, Mean]]]:
    """A step of a run: rolled back when it is not finite, and then skipped or the run's last."""
    attempt = make_attempt(
        plan.objective, plan.optimizer, gradient=plan.gradient, accumulate=plan.accumulate
    )

    def advance(key: jax.Array, carry: Carry, batch: Batch) -> tuple[Carry, dict[str, Mean]]:
        train_state, watch = carry
        new, metrics, bad = attempt(key, train_state, batch)
        failed = bad.any()
        hold = failed | watch.stopped
        kept = select(hold, train_state, new)
        first = ~jnp.isfinite(watch.untrained_loss) & ~hold
        loss = metrics["loss"].value.astype(watch.untrained_loss.dtype)
        watch = watch._replace(untrained_loss=jnp.where(first, loss, watch.untrained_loss))
        if plan.on_nonfinite == "skip":
            kept = kept._replace(step=jnp.where(watch.stopped, train_state.step, new.step))
        else:
            watch = watch._replace(
                bad=jnp.where(watch.stopped, watch.bad, bad), stopped=watch.stopped | failed
            )
        metrics = jax.tree.map(lambda leaf: jnp.where(hold, 0, leaf), metrics)
        skipped = failed.astype(jnp.float32)
        return Carry(kept, watch), metrics | {"skipped": Mean(skipped, jnp.ones_like(skipped))}

    return advance


def close_epoch(
    plan: Plan, carry: Carry, train: dict[str, Mean], validation: dict[str, Mean] | None
) -> tuple[Carry, dict[str, jax.Array]]:
    """Ends an epoch: the row of its curves, and whether it was the best or the last one."""
    train_state, watch = carry
    train = dict(train)
    row = {"skipped": train.pop("skipped").total}
    row |= {f"train_{name}": value for name, value in values(train).items()}
    if validation is not None:
        row |= {f"validation_{name}": value for name, value in values(validation).items()}
    row = {name: jnp.where(watch.stopped, jnp.nan, value) for name, value in row.items()}
    loss = row["train_loss" if validation is None else "validation_loss"]
    loss = loss.astype(watch.best_loss.dtype)
    better = (loss < watch.best_loss) & ~watch.stopped  # NaN is never better, and blocks nothing
    stale = jnp.where(better, 0, watch.stale + 1)
    watch = watch._replace(
        done=watch.done + ~watch.stopped,
        best=select(better, train_state, watch.best) if plan.keep_best else (),
        best_loss=jnp.where(better, loss, watch.best_loss),
        stale=stale,
        stopped=watch.stopped | _is_stale(plan, stale),
    )
    return Carry(train_state, watch), row
