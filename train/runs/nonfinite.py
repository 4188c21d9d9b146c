"""The error that ends a run in which a step was not finite."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ..curves import History
from ..steps import TrainState
from ..steps.transaction import leaf_names
from .carry import Carry


class NonFiniteError(ArithmeticError):
    """A loss, a gradient, a parameter or a statistic became NaN or infinite.

    Attributes:
        epoch: The epoch in which it happened, counted from 1.
        step: The step, counted from 0 over the whole run: `train_state.step`.
        leaf: What went first: the loss, else the gradient nearest to the output, where the
            backward pass starts.
        leaves: All that were not finite in that step.
        train_state: The state from before that step, finite.
        history: The curves up to there.

    Example:
        >>> import jax, jax.numpy as jnp, optax
        >>> from gradwise import train
        >>> def objective(params, state, batch, *, key=None, train=False):
        ...     return jnp.log(params - 1).sum(), (state, {})
        >>> optimizer = optax.sgd(0.1)
        >>> x = jnp.ones((4, 1))
        >>> try:
        ...     _ = train.fit(
        ...         jax.random.key(0), train.init(jnp.zeros(2), (), optimizer), objective,
        ...         optimizer, (x, x), epochs=1, batch_size=4,
        ...     )
        ... except train.NonFiniteError as error:
        ...     print(error.epoch, error.step, error.leaf, error.train_state.params)
        1 0 loss [0. 0.]
    """

    epoch: int
    step: int
    leaf: str
    leaves: list[str]
    train_state: TrainState
    history: History


def nonfinite_error(carry: Carry, history: History, train_data: object) -> NonFiniteError:
    """Return the error for the carry of a run that a step has ended."""
    train_state, watch = carry
    names = zip(leaf_names(train_state), watch.bad.tolist(), strict=True)
    leaves = [name for name, bad in names if bad]
    gradients = [name for name in leaves if name.startswith("gradient")]
    leaf = gradients[-1] if gradients and leaves[0] != "loss" else leaves[0]
    epoch, step = int(history.epochs) + 1, int(train_state.step)
    error = NonFiniteError(
        f"epoch {epoch}, step {step}: {leaf} is not finite ({len(leaves)} of {watch.bad.size} "
        f"checked are not). {_advice(train_data)} The state from before the step is "
        'error.train_state; on_nonfinite="skip" leaves such steps out.'
    )
    error.epoch, error.step, error.leaf, error.leaves = epoch, step, leaf, leaves
    error.train_state, error.history = train_state, history
    return error


def _advice(train_data: object) -> str:
    if isinstance(train_data, tuple):
        for name, part in zip("xy", train_data, strict=True):
            for leaf in jax.tree.leaves(part):
                if jnp.issubdtype(leaf.dtype, jnp.inexact) and not jnp.isfinite(leaf).all():
                    return f"{name} of the train data holds NaN or infinity."
    return "A lower learning rate or optax.clip_by_global_norm may help."
