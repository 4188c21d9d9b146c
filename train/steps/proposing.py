"""The update of a step: what its optimizer is called with, and what is made of its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax

from .._types import Params, Tree
from .committing import Given
from .optimizers import Update


class Elsewhere(NamedTuple):
    """The objective of the step's batch at other parameters, for what looks there."""

    value_fn: Callable[[Params], jax.Array]  # of line searches, and of Sophia as `obj_fn`
    grad_fn: Callable[[Params, Any], Params]  # of SAM in its opaque mode; its number is not used


def proposed(update: Update, elsewhere: Elsewhere, given: Given) -> tuple[Params, Tree]:
    """Return the parameters and the optimizer's state after an update."""
    try:
        updates, new_opt_state = update(
            given.slope, given.opt_state, given.params, value=given.value, grad=given.slope,
            value_fn=elsewhere.value_fn, obj_fn=elsewhere.value_fn, grad_fn=elsewhere.grad_fn,
        )  # fmt: skip
    except Exception as error:
        error.add_note(
            "in the optimizer's update, which a step calls with the gradient of the batch's mean, "
            "the state, the parameters, and value=, grad=, value_fn=, obj_fn= and grad_fn="
        )
        raise
    return optax.apply_updates(given.params, updates), new_opt_state
