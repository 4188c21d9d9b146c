"""Weights of a batch: where they come from, and what is hidden by a weight of 0."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import jax
import jax.numpy as jnp

from .._weighted import Weighted, targets_of
from ..metrics import rows, wide
from .state import Batch

#: `weights(batch)`, 0 or more or bool, of the shape of the loss's values or of their first axes.
WeightsOf: TypeAlias = Callable[[Batch], jax.Array]


def weights_of(
    batch: Batch, output: str | None, given: WeightsOf | Mapping[str, WeightsOf] | None
) -> jax.Array | None:
    """Return the weights of an output, those of its targets times those that are given, or None.

    Args:
        batch: The batch, whose targets may be `Weighted`.
        output: The name of the output, or None where there is only one.
        given: What `supervised` got.

    Raises:
        ValueError: If weights are a number alone.

    Example:
        >>> batch = Batch(jnp.zeros((2, 3)), Weighted(jnp.array([0, 1]), jnp.array([2.0, 5.0])))
        >>> weights_of(batch, None, lambda batch: jnp.array([1.0, 3.0])[batch.y])
        Array([ 2., 15.], dtype=float32)
    """
    if isinstance(given, Mapping):
        given = given.get(output or "")
    y = batch.y if output is None or isinstance(batch.y, Weighted) else batch.y[output]
    found = [y.weights] if isinstance(y, Weighted) else []
    if given is not None:
        found.append(jnp.asarray(given(batch._replace(y=targets_of(batch.y)))))
    if not found:
        return None
    if not all(map(jnp.ndim, found)):
        raise ValueError("weights must have an entry for each row, got a single number")
    longest = max((jnp.shape(weights) for weights in found), key=len)
    product = rows(wide(found[0]), longest)
    for weights in found[1:]:
        product = product * rows(wide(weights), longest)
    return product


def shown(mask: jax.Array | None, weights: jax.Array | None) -> jax.Array | None:
    """Return what counts, `[batch]` or `[batch, ...]` bool; None: all of it.

    Example:
        >>> shown(jnp.array([True, True, False]), jnp.array([0.5, 0.0, 1.0]))
        Array([ True, False, False], dtype=bool)
    """
    if weights is None:
        return mask
    counts = weights != 0
    return counts if mask is None else counts & rows(mask, counts.shape)


def weight_sum(mask: jax.Array | None, weights: jax.Array) -> jax.Array:
    """Return the sum of the weights of the real rows, `[]`.

    Example:
        >>> float(weight_sum(jnp.array([True, False]), jnp.array([0.5, 7.0])))
        0.5
    """
    counts = True if mask is None else rows(mask, weights.shape)
    return jnp.where(counts, weights, 0).sum()
