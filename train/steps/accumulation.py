"""The gradient of a large batch as the mean of the gradients of several small ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding

from .._checks import positive
from .._explicit import row_sharding
from .._precision import wide_dtype
from .._sharding import spread_of
from .._spread import Spread
from .._types import Params, State, Tree
from ..metrics import Figure
from .state import Batch, real_rows, select

#: `((value, (new state, metrics)), slope)`, as a way to differentiate returns it.
Differentiated = tuple[tuple[jax.Array, tuple[State, dict[str, Figure]]], Params]
Differentiate = Callable[[Params, State, Batch, jax.Array], Differentiated]
#: The sums of weights of a batch that is drawn under a key, a tree; an objective divides by them.
WeightSums = Callable[[Batch, jax.Array], Tree]
_Sums = tuple[jax.Array, Params]  # of values and slopes


def accumulated(
    differentiate: Differentiate,
    parts: int,
    *,
    weight_sums: WeightSums | None = None,
    sharding: NamedSharding | None = None,
) -> Differentiate:
    """Return `differentiate` of a whole batch as the mean over its parts.

    A part weighs as much as it has real rows; one without a real row changes nothing. The sums are
    made in float32 or wider, and a slope is rounded to the type of its parameter at the end. The
    layers' state passes from part to part, and part i draws from `fold_in(key, i)`.

    Args:
        differentiate: `differentiate(params, state, batch, key)`, which returns
            `((value, (new state, metrics)), slope)`.
        parts: How many micro-batches a batch is cut into.
        weight_sums: `weight_sums(part, key)`, of which the objective of the whole batch divides by
            the sum over all parts; each part then divides by its share of that (`batch.divisors`),
            however the weights are spread over the parts.
        sharding: How the rows of a batch are spread, if that cannot be seen. Each part has the same
            number of rows of each device.

    Raises:
        ValueError: If `parts` is not an integer above 0; when traced, if it does not divide the
            batch.

    Example:
        >>> def differentiate(params, state, batch, key):
        ...     return (batch.x.mean(), (state, {})), 2 * batch.x.mean()
        >>> batch = Batch(jnp.array([1.0, 2.0, 6.0, 7.0]), jnp.zeros(4))
        >>> (value, _), slope = accumulated(differentiate, 2)(0.0, (), batch, jax.random.key(0))
        >>> float(value), float(slope)
        (4.0, 8.0)
    """
    parts = positive("accumulate", parts)

    def differentiate_parts(
        params: Params, state: State, batch: Batch, key: jax.Array
    ) -> Differentiated:
        spread = spread_of(batch[:3], sharding, ())
        batches, weights = _cut_batch(batch, parts, spread)
        keys = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(parts))
        whole = None if weight_sums is None else _over_parts(weight_sums, batches, keys)

        def add(
            carry: tuple[State, _Sums], part: tuple[Batch, jax.Array, jax.Array]
        ) -> tuple[tuple[State, _Sums], dict[str, Figure]]:
            state, sums = carry
            micro_batch, weight, part_key = part
            divisors = jax.tree.map(lambda total: weight * total, whole)
            micro_batch = micro_batch._replace(divisors=divisors)
            (value, (new_state, metrics)), slope = differentiate(
                params, state, micro_batch, part_key
            )
            new_sums = jax.tree.map(
                lambda a, b: a + weight * b.astype(a.dtype), sums, (value, slope)
            )
            return select(weight > 0, (new_state, new_sums), carry), metrics

        first = jax.tree.map(lambda leaf: leaf[0], batches)
        (value, _), slope = jax.eval_shape(differentiate, params, state, first, key)
        zeros = jax.tree.map(_wide_zeros, (value, slope))
        (state, (value, total)), metrics = jax.lax.scan(
            add, (state, zeros), (batches, weights, keys)
        )
        slope = jax.tree.map(lambda leaf, like: leaf.astype(like.dtype), total, slope)
        metrics = jax.tree.map(lambda leaf: leaf.sum(axis=0), metrics)
        return (value, (state, metrics)), slope

    return differentiate if parts == 1 else differentiate_parts


def _over_parts(weight_sums: WeightSums, batches: Batch, keys: jax.Array) -> Tree:
    """Return the sums of the weights of all micro-batches together."""
    sums = jax.lax.map(lambda part: weight_sums(*part), (batches, keys))
    return jax.tree.map(lambda leaf: leaf.sum(axis=0), sums)


def _wide_zeros(leaf: jax.ShapeDtypeStruct) -> jax.Array:
    """Return the zeros that a sum begins with, in float32 or wider."""
    return jnp.zeros(leaf.shape, wide_dtype(leaf.dtype))


def _cut_batch(batch: Batch, parts: int, spread: Spread | None) -> tuple[Batch, jax.Array]:
    """Return the micro-batches `[parts, rows, ...]`, and their shares of real rows `[parts]`."""
    mask = _cut(real_rows(batch), parts, spread)
    counts = mask.sum(axis=1)
    weights = counts / jnp.maximum(counts.sum(), 1)
    x, y = jax.tree.map(lambda leaf: _cut(leaf, parts, spread), (batch.x, batch.y))
    return Batch(x, y, mask), weights


def _cut(leaf: jax.Array, parts: int, spread: Spread | None) -> jax.Array:
    if leaf.shape[0] % parts:
        raise ValueError(
            f"accumulate={parts} must divide the batch, got {leaf.shape[0]} rows: choose a batch "
            f"size that is a multiple of {parts}"
        )
    if spread is not None and leaf.shape[0] % (parts * spread.devices) == 0:
        return spread.by_device(lambda own: own.reshape(parts, -1, *own.shape[1:]), leaf, result=1)
    rows = leaf.shape[0] // parts
    shape = parts, rows, *leaf.shape[1:]
    return jax.lax.reshape(leaf, shape, out_sharding=row_sharding(leaf, rows, parts=True))
