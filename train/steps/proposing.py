"""The update that an optimizer proposes."""

from __future__ import annotations

from collections.abc import Callable

import jax
import optax

from .._text import excerpt
from .._types import Params, Tree
from .committing import Given


def proposed(
    optimizer: optax.GradientTransformationExtraArgs,
    value_fn: Callable[[Params], jax.Array],
    given: Given,
) -> tuple[Params, Tree]:
    """Return the parameters and the optimizer's state after an update."""
    try:
        updates, new_opt_state = optimizer.update(
            given.slope, given.opt_state, given.params,
            value=given.value, grad=given.slope, value_fn=value_fn,
        )  # fmt: skip
    except Exception as error:
        _check_made_by(optimizer, given, error)
        raise
    return optax.apply_updates(given.params, updates), new_opt_state


def _check_made_by(optimizer: optax.GradientTransformation, given: Given, error: Exception) -> None:
    """Raise a ValueError if the optimizer's state, with which it has failed, is not its own."""
    try:
        own = jax.tree.structure(jax.eval_shape(optimizer.init, given.params))
    except Exception:  # of an `init` that needs values: the first error says more
        return
    if own != jax.tree.structure(given.opt_state):
        raise ValueError(
            "the train state was made with another optimizer, whose state is "
            f"{excerpt(str(jax.tree.structure(given.opt_state)))}: make it with this one, "
            "train.init(params, state, optimizer)"
        ) from error
