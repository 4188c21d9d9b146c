"""Change the batches of training at random, on the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax

from .._types import Tree
from .state import Batch


class OnBatch(NamedTuple):
    """An augmentation of a whole batch: it sees the targets and the mask, as mixup must.

    `make_step`, `make_run` and `fit` take it as `augment=`, where a plain function gets the
    features alone. Rows that the mask hides are padding: mix none of them into one that is real.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import train
        >>> def smoothed(key, batch):
        ...     noise = 0.1 * jax.random.normal(key, batch.y.shape)
        ...     return batch._replace(y=batch.y + noise)
        >>> augment = train.OnBatch(smoothed)
        >>> augment.fn(jax.random.key(0), train.Batch(jnp.ones((2, 3)), jnp.ones(2))).y.shape
        (2,)
    """

    fn: Callable[[jax.Array, Batch], Batch]  # pure; the rows stay as many


#: `augment(key, x) -> x` on the features `[batch, ...]`, or `OnBatch` of a function of the batch.
Augment: TypeAlias = Callable[[jax.Array, Tree], Tree] | OnBatch


def augmented(augment: Augment | None, key: jax.Array, batch: Batch) -> Batch:
    """Return the batch as the model is to see it in training.

    Raises:
        TypeError: If `OnBatch` gives no batch.
        ValueError: If there are other rows than before.

    Example:
        >>> import jax.numpy as jnp
        >>> batch = Batch(jnp.ones((2, 3)), jnp.zeros(2))
        >>> augmented(lambda key, x: 2 * x, jax.random.key(0), batch).x.sum()
        Array(12., dtype=float32)
    """
    if augment is None:
        return batch
    if isinstance(augment, OnBatch):
        new = augment.fn(key, batch)
        if not isinstance(new, Batch):
            raise TypeError(
                f"OnBatch needs a function that returns a batch, got {type(new).__name__}: return "
                "batch._replace(x=..., y=...)"
            )
    else:
        new = batch._replace(x=augment(key, batch.x))
    new = new._replace(divisors=batch.divisors)  # sums, that are no rows
    before, after = ({leaf.shape[0] for leaf in jax.tree.leaves(b[:3])} for b in (batch, new))
    if before != after:
        raise ValueError(
            f"augment must keep the rows of a batch, got {sorted(after)} of {sorted(before)}"
        )
    return new
