"""All that a run is between two steps, and how it begins and ends."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from .._records import is_key
from ..checkpoints.trees import place
from ..steps import TrainState
from ..steps.averages import Average, averaged
from ..steps.judging import leaf_names
from ..steps.state import select
from .plan import Plan

T = TypeVar("T")


class Watch(NamedTuple):
    """What a run remembers from step to step beside the train state."""

    done: jax.Array  # [] int32, the epochs that were made
    untrained_loss: jax.Array  # [], the loss of the first batch; not finite before the first step
    best: TrainState | tuple[()]  # the best epoch's train state; () if it is not to be kept
    # [], the lowest figure, of one that is to be high its negative; infinity before there is one
    best_loss: jax.Array
    best_epoch: jax.Array  # [] int32, the number of the best epoch, from 1; 0 before there is one
    reference: jax.Array  # [], what patience compares with: the last figure better by min_delta
    stale: jax.Array  # [] int32, the epochs since there was one that was better
    stopped: jax.Array  # [] bool
    bad: jax.Array  # [leaves] bool, what was not finite in the step that ended the run
    average: Average | tuple[()]  # of parameters and layers' state; () if there is none


class Carry(NamedTuple):
    """The train state of a run, and what the run remembers beside it."""

    train_state: TrainState
    watch: Watch


def start(plan: Plan, train_state: TrainState, *, donate: bool = False) -> Carry:
    """Return the carry before the first epoch, in arrays that the first block may overwrite.

    They are copies, or with `donate` those of the train state itself.
    """
    watch = Watch(
        done=jnp.zeros((), jnp.int32),
        untrained_loss=jnp.array(jnp.inf, float),  # unknown; NaN would disturb `jax.debug_nans`
        best=copied(train_state) if plan.keep_best is True else (),
        best_loss=jnp.array(jnp.inf, float),
        best_epoch=jnp.zeros((), jnp.int32),
        reference=jnp.array(jnp.inf, float),
        stale=jnp.zeros((), jnp.int32),
        stopped=jnp.array(False),
        bad=jnp.zeros(len(leaf_names(train_state)), bool),
        average=plan.average.init(train_state[:2]) if plan.average else (),
    )
    return Carry(given_away(train_state) if donate else copied(train_state), watch)


def before_resume(plan: Plan, train_state: TrainState) -> Carry:
    """Return what `start` returns, in the arrays of the train state, which nothing may overwrite.

    A checkpoint tells by it what is expected of it, and where its arrays go.
    """
    carry = start(replace(plan, keep_best=False), train_state, donate=True)
    best = train_state if plan.keep_best is True else ()
    return carry._replace(watch=carry.watch._replace(best=best))


def copied(tree: T) -> T:
    """Copy every leaf to an array of a strong type.

    A Python number has a weak type, which the first step would make strong, and the second step
    would then be traced again.

    Example:
        >>> copied({"rate": 0.5})
        {'rate': Array(0.5, dtype=float32)}
    """
    return jax.tree.map(_copied, tree)


def _copied(leaf: jax.Array) -> jax.Array:
    leaf = jnp.array(leaf, copy=True)
    return leaf if is_key(leaf) else jax.lax.convert_element_type(leaf, leaf.dtype)


def given_away(tree: T) -> T:
    """Return the tree with the arrays that it has; those that cannot be donated are copied.

    These are no arrays of JAX, have a weak type, or share their memory with one before.

    Example:
        >>> leaf = jnp.ones(2)
        >>> tree = given_away({"a": leaf, "b": leaf})
        >>> tree["a"] is leaf, tree["b"] is leaf
        (True, False)
    """
    seen: set[int] = set()

    def kept(leaf: jax.Array) -> jax.Array:
        if not isinstance(leaf, jax.Array) or leaf.weak_type:
            return _copied(leaf)
        places = _memory(leaf)
        if not seen.isdisjoint(places):
            return _copied(leaf)
        seen.update(places)
        return leaf

    return jax.tree.map(kept, tree)


def _memory(leaf: jax.Array) -> set[int]:
    """Return where the parts of an array lie: `device_put` may give an array that shares them."""
    data = jax.random.key_data(leaf) if is_key(leaf) else leaf
    try:
        return {shard.data.unsafe_buffer_pointer() for shard in data.addressable_shards}
    # A remote device tells no addresses, nor does JAX of the one part here of an array of several
    # processes.
    except (jax.errors.JaxRuntimeError, ValueError):
        return {id(leaf)}


def check_not_given_away(train_state: TrainState) -> None:
    """Raise a ValueError where the arrays of a train state were given to an earlier training."""
    for path, leaf in jax.tree.leaves_with_path(train_state):
        if isinstance(leaf, jax.Array) and not isinstance(leaf, Tracer) and leaf.is_deleted():
            raise ValueError(
                f"the train state was given away, train_state{jax.tree_util.keystr(path)} is "
                "deleted: go on from what the call with donate=True returned, or leave donate out"
            )


def is_given_away(carry: Carry) -> bool:
    """Return whether a step has overwritten a carry and has then failed."""
    arrays = [leaf for leaf in jax.tree.leaves(carry) if isinstance(leaf, jax.Array)]
    return any(leaf.is_deleted() for leaf in arrays)


def measured(carry: Carry) -> TrainState:
    """Return the train state to measure and to keep: of the averaged weights, if there are any."""
    train_state, average = carry.train_state, carry.watch.average
    if not isinstance(average, Average):
        return train_state
    params, state = averaged(average, train_state[:2])
    return train_state._replace(params=params, state=state)


def finish(carry: Carry) -> TrainState:
    """Return the train state that a run ends with: the best epoch's if it was kept, else the last.

    Where no epoch had a figure that can be the best one, NaN in each for example, it is the last:
    the untrained state would be a wrong result without a word.
    """
    watch = carry.watch
    if not isinstance(watch.best, TrainState):
        return measured(carry)
    if any(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(watch.best)):  # on the host
        best = watch.best if watch.best_loss < jnp.inf else measured(carry)
        return jax.tree.map(place, best, carry.train_state)
    there_is = watch.best_loss < jnp.inf
    if isinstance(there_is, Tracer):
        return select(there_is, watch.best, measured(carry))
    return watch.best if there_is else measured(carry)


def kept_epoch(carry: Carry) -> jax.Array:
    """Return after which epoch, counted from 1, the train state was that `finish` returns, `[]`."""
    watch = carry.watch
    keeps_best = isinstance(watch.best, TrainState)
    return jnp.where(keeps_best & (watch.best_epoch > 0), watch.best_epoch, watch.done)


def resumed(plan: Plan, carry: Carry) -> Carry:
    """Return the carry of a checkpoint, stopped only if this plan stops it.

    The run that wrote it may have had less patience.
    """
    watch = carry.watch
    stopped = watch.bad.any() | is_stale(plan, watch.stale)
    return carry._replace(watch=watch._replace(stopped=stopped))


def is_stale(plan: Plan, stale: jax.Array) -> jax.Array:
    """Return whether the patience is used up after `stale` epochs without a lower loss.

    Example:
        >>> import optax
        >>> plan = Plan(objective=print, optimizer=optax.sgd(0.1), batch_size=4, patience=2)
        >>> is_stale(plan, jnp.array([1, 2])).tolist()
        [False, True]
    """
    return stale >= (jnp.iinfo(jnp.int32).max if plan.patience is None else plan.patience)
