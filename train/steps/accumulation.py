"""Gradients of a large batch from several small ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .. import data as datasets
from .._checks import positive
from .state import Batch, real_rows, select


def accumulated(differentiate: Callable, parts: int) -> Callable:
    """`differentiate` of a whole batch as the mean over its `parts`, weighted by their real rows.

    `differentiate(params, state, batch, key) -> ((value, (state, metrics)), gradient)`, and so is
    the result. The running statistics pass from part to part; a part without a real row changes
    nothing.

    Raises:
        ValueError: when `parts` is not a positive integer, or does not divide a batch.

    Example:
        >>> def differentiate(params, state, batch, key):
        ...     return (batch.x.mean(), (state, {})), 2 * batch.x.mean()
        >>> batch = Batch(jnp.array([1.0, 2.0, 6.0, 7.0]), jnp.zeros(4))
        >>> (value, _), slope = accumulated(differentiate, 2)(0.0, (), batch, jax.random.key(0))
        >>> float(value), float(slope)
        (4.0, 8.0)
    """
    parts = positive("accumulate", parts)

    def whole(params: Any, state: Any, batch: Batch, key: jax.Array) -> tuple[Any, Any]:
        batch = batch._replace(mask=real_rows(batch))
        micro_batches = jax.tree.map(lambda leaf: _cut(leaf, parts), batch)
        counts = micro_batches.mask.sum(axis=1)
        weights = counts / jnp.maximum(counts.sum(), 1)

        def add(
            carry: tuple[Any, Any], part: tuple[Batch, jax.Array, jax.Array]
        ) -> tuple[tuple, Any]:
            state, sums = carry
            micro_batch, weight, i = part
            (value, (new_state, metrics)), slope = differentiate(
                params, state, micro_batch, jax.random.fold_in(key, i)
            )
            new_sums = jax.tree.map(
                lambda a, b: (a + weight * b).astype(a.dtype), sums, (value, slope)
            )
            return select(weight > 0, (new_state, new_sums), carry), metrics

        first = jax.tree.map(lambda leaf: leaf[0], micro_batches)
        (value, _), slope = jax.eval_shape(differentiate, params, state, first, key)
        zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), (value, slope))
        (state, (value, slope)), metrics = jax.lax.scan(
            add, (state, zeros), (micro_batches, weights, jnp.arange(parts))
        )
        metrics = jax.tree.map(lambda leaf: leaf.sum(axis=0), metrics)
        return (value, (state, metrics)), slope

    return differentiate if parts == 1 else whole


def _cut(leaf: jax.Array, parts: int) -> jax.Array:
    if leaf.shape[0] % parts:
        raise ValueError(
            f"accumulate={parts} must divide the batch, got {leaf.shape[0]} rows: choose a batch "
            f"size that is a multiple of {parts}"
        )
    rows = leaf.shape[0] // parts
    shape = parts, rows, *leaf.shape[1:]
    return jax.lax.reshape(leaf, shape, out_sharding=datasets.spread(leaf, rows, parts=True))
