"""Targets that bring the weights of their examples."""

from __future__ import annotations

from typing import NamedTuple

import jax

from ._types import Tree


class Weighted(NamedTuple):
    """Targets and how much each of them counts, in the place of `y`.

    It is a pair of arrays like any other, so that splitting, shuffling and batching keep each
    weight beside its target. The loss and the metrics get the targets alone.

    Example:
        Targets that are missing have the weight 0, whatever they hold:

        >>> import jax.numpy as jnp
        >>> from gradwise import losses, train
        >>> y = jnp.array([[1.0], [jnp.nan], [3.0]])
        >>> def apply(params, state, x, *, key=None, train=False, mask=None):
        ...     return x, state
        >>> objective = train.supervised(apply, losses.squared_error)
        >>> batch = train.Batch(jnp.zeros((3, 1)), train.Weighted(y, ~jnp.isnan(y)[:, 0]))
        >>> float(objective((), (), batch)[0])
        5.0
    """

    targets: Tree  # [batch, ...]
    weights: jax.Array  # [batch] or [batch, ...], 0 or more, or bool


def targets_of(y: Tree) -> Tree:
    """Return the targets without their weights.

    Example:
        >>> import jax.numpy as jnp
        >>> targets_of({"price": Weighted(jnp.ones(2), jnp.zeros(2))})
        {'price': Array([1., 1.], dtype=float32)}
    """
    return jax.tree.map(
        lambda leaf: leaf.targets if _weighted(leaf) else leaf, y, is_leaf=_weighted
    )


def _weighted(leaf: object) -> bool:
    return isinstance(leaf, Weighted)
