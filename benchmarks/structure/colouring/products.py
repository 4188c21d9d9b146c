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

#: Products for each entry that is read, up to which all of them are written down.
_MOST_UNREAD = 2


def products(problem: Problem, tables: Tables, x: Leaves, fixed: Leaves) -> jax.Array:
    """Return the products that tell a Jacobian, forward ones first, one after the other."""
    by_forward, by_reverse = tables.counts
    parts = []
    if tables.seeds:
        parts.append(products_of(problem, tables.seeds, x, fixed))
    elif by_forward:
        parts.append(_pushed(problem, _seeds(tables.forward, by_forward, x), x, fixed))
    if by_reverse:
        leaves, structure = jax.tree.flatten(jax.eval_shape(problem.fn, x, fixed))
        cotangents = _seeds(tables.reverse, by_reverse, leaves)
        parts.append(_pulled(problem, cotangents, structure, x, fixed))
    if not parts:
        return jnp.zeros(0, jnp.result_type(*x))
    joined = jnp.concatenate(parts) if len(parts) > 1 else parts[0]
    return joined if tables.seeds else _written(joined, tables)


def _pushed(problem: Problem, seeds: Leaves, x: Leaves, fixed: Leaves) -> jax.Array:
    """Return the products of forward mode along seeds, `[seeds, ...]` each, as one vector."""

    def push(tangent: Leaves, x: Leaves, fixed: Leaves) -> jax.Array:
        return _raveled(jax.jvp(lambda x: problem.fn(x, fixed), (x,), (tangent,))[1])

    return _each(push, seeds, x, fixed)


def _pulled(problem: Problem, seeds: Leaves, structure: Any, x: Leaves, fixed: Leaves) -> jax.Array:
    """Return the same of reverse mode; the outputs have a structure."""

    def pull(cotangent: Leaves, x: Leaves, fixed: Leaves) -> jax.Array:
        back = jax.vjp(lambda x: problem.fn(x, fixed), x)[1]
        return _raveled(back(jax.tree.unflatten(structure, cotangent))[0])

    return _each(pull, seeds, x, fixed)


def _each(product: Callable[..., jax.Array], seeds: Leaves, *held: Leaves) -> jax.Array:
    """Return a product along each seed, one after the other in one vector."""
    one = tuple(seed[0] for seed in seeds)
    if len(seeds[0]) == 1:
        return product(one, *held)
    return jax.vmap(once(product, one, *held))(seeds).ravel()


def _written(numbers: jax.Array, tables: Tables) -> jax.Array:
    """Let products be written down, for the entries to be read off them.

    Else XLA computes each as often as it is read, at a place to be divided; but it computes no
    product that nobody reads.
    """
    assert tables.source is not None
    several = sum(tables.counts) > 1
    if several and numbers.size <= _MOST_UNREAD * tables.source.size:
        return lax.optimization_barrier(numbers)
    return numbers


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


def _raveled(tree: object) -> jax.Array:
    leaves = [leaf.ravel() for leaf in jax.tree.leaves(tree)]
    return jnp.concatenate(leaves) if len(leaves) > 1 else leaves[0]
