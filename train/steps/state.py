"""What a training step reads and writes: the train state and the batch."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .._types import Params, State, Tree
from ..data.arrays import converted
from .moments import check_moments
from .optimizers import check_made_by, check_optimizer

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
    # Of a micro-batch: what an objective divides its weighted sums by instead of the weights here,
    # so that the mean over all micro-batches is that of the whole batch.
    divisors: Tree = None


def init(params: Params, state: State, optimizer: optax.GradientTransformation) -> TrainState:
    """Return the train state before the first step.

    Args:
        params: Parameters, from a model's `init`, or any pytree of numbers.
        state: What the layers remember, from a model's `init`.
        optimizer: The optimizer that `make_step`, `make_run` or `fit` is given.

    Raises:
        TypeError: If a leaf holds no numbers, which the message names; or if `optimizer` is none.
        ValueError: If an integer does not fit the dtype that JAX has for it, or the optimizer would
            keep moments in half precision, as the parameters are.

    Example:
        >>> import jax, jax.numpy as jnp, optax
        >>> from gradwise import train
        >>> train_state = train.init({"weight": jnp.zeros((3, 4))}, (), optax.adam(1e-3))
        >>> jax.tree.map(jnp.shape, train_state.params)
        {'weight': (3, 4)}
    """
    check_optimizer("optimizer", optimizer)
    _check_no_function(params)
    trees = converted({"params": params, "state": state}, jax.tree_util.keystr)
    params, state = jax.tree.map(_owned, (trees["params"], trees["state"]))
    opt_state = optimizer.init(params)
    check_moments(params, opt_state)
    return TrainState(params, state, opt_state, jnp.zeros((), jnp.int32))


def check_train_state(
    who: str, train_state: object, optimizer: optax.GradientTransformation | None = None
) -> None:
    """Check that a train state is one, not parameters or another argument in its place.

    Args:
        who: What it was passed to.
        train_state: What was passed.
        optimizer: Whose state it must hold, where an optimizer goes on with it.

    Raises:
        TypeError: If it is none.
        ValueError: If it was made with another optimizer.

    Example:
        >>> check_train_state("fit", ((), ()))
        Traceback (most recent call last):
        TypeError: fit needs a train state, train.init(params, state, optimizer), got tuple
    """
    if not isinstance(train_state, TrainState):
        got = type(train_state).__name__
        if (
            isinstance(train_state, tuple)
            and train_state
            and isinstance(train_state[0], TrainState)
        ):
            got += " with one in it: fit returns two things, train_state, history = train.fit(...)"
        raise TypeError(
            f"{who} needs a train state, train.init(params, state, optimizer), got {got}"
        )
    if optimizer is not None:
        check_made_by(optimizer, train_state.params, train_state.opt_state)


def check_batch(who: str, batch: object) -> None:
    """Check that a batch is one, with `x` and `y` and perhaps a mask, not the arrays alone.

    Raises:
        TypeError: If it is none.

    Example:
        >>> check_batch("a step", (jnp.ones((2, 3)), jnp.ones(2)))
        Traceback (most recent call last):
        TypeError: a step needs a batch, train.Batch(x, y), got tuple
    """
    if not all(hasattr(batch, field) for field in ("x", "y", "mask")):
        raise TypeError(f"{who} needs a batch, train.Batch(x, y), got {type(batch).__name__}")


def _check_no_function(params: Params) -> None:
    """Raise a TypeError where a module, such as one of equinox, has functions among its numbers."""
    for path, leaf in jax.tree.leaves_with_path(params):
        if callable(leaf):
            raise TypeError(
                f"init needs parameters that are numbers, got the function "
                f"{getattr(leaf, '__name__', type(leaf).__name__)} at params"
                f"{jax.tree_util.keystr(path)}: take it out, as "
                "params, static = equinox.partition(model, equinox.is_inexact_array) does"
            )


def _owned(leaf: np.ndarray | jax.Array) -> jax.Array:
    """Return JAX's array as it is, and a copy of NumPy's, which somebody may write to."""
    return leaf if isinstance(leaf, jax.Array) else jnp.array(leaf)


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
    # then makes the same code for a step alone and within a run: on a CPU, the same bits.
    condition = jax.lax.optimization_barrier(condition)
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
