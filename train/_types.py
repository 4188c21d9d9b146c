"""Names for trees of arrays, for which JAX has no type, by the part they play in training.

Example:
    >>> import jax, jax.numpy as jnp
    >>> from gradwise import train
    >>> def weight_decay(params: train.Params) -> train.Params:
    ...     return jax.tree.map(lambda leaf: 0.9 * leaf, params)
    >>> weight_decay({"weight": jnp.ones(2)})
    {'weight': Array([0.9, 0.9], dtype=float32)}
"""

from __future__ import annotations

from typing import Any, TypeAlias

Tree: TypeAlias = Any
"""A pytree: arrays in tuples, lists, dictionaries, NamedTuples or registered classes.

A type checker accepts every value here, for `jax.tree` does.
"""

Params: TypeAlias = Tree
"""A tree of what the optimizer changes, such as weights; the first result of a model's `init`."""

State: TypeAlias = Tree
"""A tree of what the layers remember from step to step, such as the running statistics of batch
norm; the second result of a model's `init`, and `()` where there is nothing to remember.
"""

Device: TypeAlias = Any
"""A device, one of `jax.devices()`; `jax.Device` is a variable to a type checker."""

Data: TypeAlias = tuple[Tree, Tree]
"""Features and targets `(x, y)`, trees of arrays `[rows, ...]` that all have the same rows."""
