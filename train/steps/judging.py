"""Whether a step may be made: all that it computes must be finite."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .._types import Params, State, Tree
from .state import TrainState


class Judgement:
    """What a step has computed before its update, and what is not finite of it.

    Attributes:
        overflow: Whether a gradient is not finite that a loss scale was too large for, `[]` bool:
            it is forgiven.
    """

    def __init__(
        self,
        value: jax.Array,
        slope: Params,
        new_state: State,
        stopped: bool | jax.Array,
        is_forgiven: bool | jax.Array,
    ) -> None:
        """Judge a step.

        Args:
            value: The loss.
            slope: Its gradient.
            new_state: The layers' new running statistics.
            stopped: Whether the run has stopped, so that no step is made.
            is_forgiven: Whether a gradient need not be finite.
        """
        self._loss, self._slopes = _each_not_finite(value), _each_not_finite(slope)
        self._new_state, self._stopped = new_state, stopped
        self.overflow = jnp.array(self._slopes, bool).any() & is_forgiven

    def of(self, new_params: Params) -> tuple[jax.Array, jax.Array]:
        """Return what is not finite, `[leaves]` bool as `leaf_names`, and whether to undo it."""
        slopes = (leaf & ~self.overflow for leaf in self._slopes)
        new = _each_not_finite((new_params, self._new_state))
        bad = jnp.stack([*self._loss, *slopes, *new])
        return bad, bad.any() | self._stopped


def leaf_names(train_state: TrainState) -> list[str]:
    """Return what each entry of an attempt's `bad` stands for.

    Example:
        >>> leaf_names(TrainState({"slope": jnp.zeros(2)}, (), (), jnp.zeros((), jnp.int32)))
        ['loss', "gradient of ['slope']", "new ['slope']"]
    """
    params, state = (
        [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(tree)]
        for tree in (train_state.params, train_state.state)
    )
    gradients = [f"gradient of {name}" for name in params]
    return ["loss", *gradients, *(f"new {name}" for name in params + state)]


def _each_not_finite(tree: Tree) -> list[jax.Array]:
    return [_not_finite(leaf) for leaf in jax.tree.leaves(tree)]


def _not_finite(leaf: jax.Array) -> jax.Array:
    """Return whether any entry is NaN or infinite, `[]` bool."""
    leaf = jnp.asarray(leaf)
    if not jnp.issubdtype(leaf.dtype, jnp.inexact):  # counters and keys
        return jnp.array(False)
    # Reduce to the last axis first: on a CPU that takes a fraction of the time of one reduction to
    # a scalar. And reduce booleans: for a maximum XLA calls a library there, for which it writes
    # each number of the update that is reduced as an array of the leaf's size.
    return (~jnp.isfinite(leaf)).any(axis=tuple(range(leaf.ndim - 1))).any()
