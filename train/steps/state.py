"""What a training step reads and writes: the train state and the batch."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class TrainState(NamedTuple):
    """Everything that a step changes; with the run's key it is all that a resume needs.

    Example:
        >>> import optax, train
        >>> optimizer = optax.sgd(0.1)
        >>> train.init({"weight": jnp.zeros((3, 4))}, (), optimizer).step
        Array(0, dtype=int32)
    """

    params: Any  # pytree, what the optimizer changes
    state: Any  # pytree, what the layers keep: running statistics
    opt_state: Any  # pytree, the optimizer's own
    step: jax.Array  # [] int32, steps tried since the start


class Batch(NamedTuple):
    """Examples and the rows among them that are real.

    Example:
        >>> import train
        >>> batch = train.Batch(jnp.zeros((3, 4)), jnp.array([0, 2, 0]), jnp.array([1, 1, 0], bool))
        >>> int(batch.mask.sum())
        2
    """

    x: Any  # pytree of [batch, ...]
    y: Any  # pytree of [batch, ...]
    mask: jax.Array | None = None  # [batch] bool; None: every row is real


def init(params: Any, state: Any, optimizer: optax.GradientTransformation) -> TrainState:
    """The train state before the first step, from a model's `init` and an optimizer.

    Example:
        >>> import optax, train
        >>> train_state = train.init({"weight": jnp.zeros((3, 4))}, (), optax.adam(1e-3))
        >>> jax.tree.map(jnp.shape, train_state.params)
        {'weight': (3, 4)}
    """
    return TrainState(params, state, optimizer.init(params), jnp.zeros((), jnp.int32))


def real_rows(batch: Batch) -> jax.Array:
    """The mask of `batch`, all true where it has none.

    Example:
        >>> real_rows(Batch(jnp.zeros((2, 3)), jnp.zeros(2)))
        Array([ True,  True], dtype=bool)
    """
    if batch.mask is not None:
        return batch.mask
    return jnp.ones(jax.tree.leaves(batch.x)[0].shape[0], bool)


def select(condition: jax.Array, yes: Any, no: Any) -> Any:
    """`yes` where the scalar `condition` holds, else `no`, for two trees of one structure.

    Example:
        >>> select(jnp.array(False), {"a": jnp.ones(2)}, {"a": jnp.zeros(2)})
        {'a': Array([0., 0.], dtype=float32)}
    """
    # Behind a barrier the condition is a number, however it came about, so that the compiler makes
    # the same code of a step alone and of one within a run, and their results agree to the bit.
    condition = jax.lax.optimization_barrier(condition)
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
