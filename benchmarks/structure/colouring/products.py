"""The products that tell a Jacobian: one along each seed, the sum of the columns of a colour."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...derivatives.problem import Leaves, Problem
from .once import once
from .tables import Tables, Within
from .unrolled import products_of

#: Products for each entry that is read, up to which all of them are written down. To write one
#: takes less than a third as long as to compute one where it is read.
_MOST_UNREAD = 3


def products(problem: Problem, tables: Tables, x: Leaves, fixed: Leaves) -> jax.Array:
    """Return the products that tell a Jacobian, forward ones first, one after the other."""
    by_forward, by_reverse = tables.counts
    write = _are_written(tables)
    parts = []
    if tables.seeds:
        parts.append(products_of(problem, tables.seeds, x, fixed))
    elif by_forward:

        def push(tangent: Leaves, x: Leaves, fixed: Leaves) -> Any:
            return jax.jvp(lambda x: problem.fn(x, fixed), (x,), (tangent,))[1]

        parts.append(_each(push, _seeds(tables.forward, by_forward, x), x, fixed, write=write))
    if by_reverse:
        leaves, structure = jax.tree.flatten(jax.eval_shape(problem.fn, x, fixed))

        def pull(cotangent: Leaves, x: Leaves, fixed: Leaves) -> Any:
            back = jax.vjp(lambda x: problem.fn(x, fixed), x)[1]
            return back(jax.tree.unflatten(structure, cotangent))

        parts.append(_each(pull, _seeds(tables.reverse, by_reverse, leaves), x, fixed, write=write))
    if not parts:
        return jnp.zeros(0, jnp.result_type(*x))
    return jnp.concatenate(parts) if len(parts) > 1 else parts[0]


def _are_written(tables: Tables) -> bool:
    """Whether products are written down before the entries are read off them.

    Else XLA computes each as often as it is read, at a place to be divided; but it computes no
    product that nobody reads.
    """
    by_forward, by_reverse = tables.counts
    made = by_forward * tables.reverse.size + by_reverse * tables.forward.size
    assert tables.source is not None
    return made <= _MOST_UNREAD * tables.source.size


def _each(product: Callable[..., Any], seeds: Leaves, *held: Leaves, write: bool) -> jax.Array:
    """Return a product along each seed, one after the other in one vector."""
    one, count = tuple(seed[0] for seed in seeds), len(seeds[0])
    if count == 1:
        return _joined([leaf[None] for leaf in jax.tree.leaves(product(one, *held))])
    leaves = jax.vmap(once(product, one, *held))(seeds)
    # In their own shape: of a vector each number is computed at a place to be divided.
    return _joined([lax.optimization_barrier(leaf) if write else leaf for leaf in leaves])


def _joined(leaves: Sequence[jax.Array]) -> jax.Array:
    """Join the arrays of each product, `[products, ...]` each, to one vector of all."""
    flat = [leaf.reshape(len(leaf), -1) for leaf in leaves]
    return (jnp.concatenate(flat, axis=1) if len(flat) > 1 else flat[0]).ravel()


def _seeds(colours: Any, count: int, leaves: Sequence[jax.Array]) -> Leaves:
    """Return for each colour the sum of the basis vectors that have it, in the leaves' shapes."""
    seeds, start = [], 0
    colours = colours.array if isinstance(colours, Within) else jnp.asarray(colours)
    for leaf in leaves:
        own = colours[start : start + leaf.size]
        every = np.arange(count, dtype=own.dtype)
        alike = own[None] == every[:, None]
        seeds.append(jnp.asarray(alike.astype(leaf.dtype).reshape(count, *leaf.shape)))
        start += leaf.size
    return tuple(seeds)
