"""What a training step reads and writes: the train state and the batch."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import optax

from .._types import Params, State, Tree

T = TypeVar("T")


class TrainState(NamedTuple):
    """Everything that a step changes; with the run's key it is all that a resumed run needs.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from gradwise import train
        >>> train_state = train.init({"weight": jnp.zeros((3, 4))}, (), optax.sgd(0.1))
        >>> train_state.step
        Array(0, dtype=int32)
    """

    params: Params  # what the optimizer changes
    state: State  # what the layers remember, such as running statistics
    opt_state: Tree  # what the optimizer remembers, such as momentum
    step: jax.Array  # [] int32, the steps made since the start, those that failed included


class Batch(NamedTuple):
    """Examples, and which of their rows are real.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import train
        >>> batch = train.Batch(jnp.zeros((3, 4)), jnp.array([0, 2, 0]), jnp.array([1, 1, 0], bool))
        >>> int(batch.mask.sum())
        2
    """

    x: Tree  # features [batch, ...]
    y: Tree  # targets [batch, ...]
    mask: jax.Array | None = None  # [batch] bool; None: every row is real


def init(params: Params, state: State, optimizer: optax.GradientTransformation) -> TrainState:
    """Return the train state before the first step.

    Args:
        params: Parameters, from a model's `init`.
        state: What the layers remember, from a model's `init`.
        optimizer: The optimizer that `make_step`, `make_run` or `fit` is given.

    Example:
        >>> import jax, jax.numpy as jnp, optax
        >>> from gradwise import train
        >>> train_state = train.init({"weight": jnp.zeros((3, 4))}, (), optax.adam(1e-3))
        >>> jax.tree.map(jnp.shape, train_state.params)
        {'weight': (3, 4)}
    """
    return TrainState(params, state, optimizer.init(params), jnp.zeros((), jnp.int32))


def real_rows(batch: Batch) -> jax.Array:
    """Return the mask of a batch `[batch]` bool, all true where the batch has none.

    Example:
        >>> real_rows(Batch(jnp.zeros((2, 3)), jnp.zeros(2)))
        Array([ True,  True], dtype=bool)
    """
    if batch.mask is not None:
        return batch.mask
    return jnp.ones(jax.tree.leaves(batch.x)[0].shape[0], bool)


def select(condition: jax.Array, yes: T, no: T) -> T:
    """Return the tree `yes` where the scalar `condition` holds, else the tree `no`.

    Example:
        >>> select(jnp.array(False), {"a": jnp.ones(2)}, {"a": jnp.zeros(2)})
        {'a': Array([0., 0.], dtype=float32)}
    """
    # The barrier keeps the compiler from fusing the selection with what computes the condition. It
    # then makes the same code for a step alone and within a run, and on a CPU both give the same bits.
    condition = jax.lax.optimization_barrier(condition)
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
