"""A Jacobian of a known pattern from few products, and the forms it is handed out in.

One product tells all columns of one colour, or all rows. The numbers are read off by one gather,
and put into a dense array by one scatter whose places are sorted and unique, which is many times
faster than a gather of columns.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse import csr_array

from ..derivatives.jacobians import Jacobian
from ..derivatives.problem import Leaves, Problem
from .marks import extents
from .plans import Plan


class Block(NamedTuple):
    """The entries of one output by one input.

    Attributes:
        entries: Which of all entries they are; `None` for all of them.
        places: Their places in the flat dense block, ascending.
        shape: That of the block.
    """

    entries: np.ndarray | None
    places: np.ndarray
    shape: tuple[int, ...]


class Tables(NamedTuple):
    """What a program needs to know of a pattern and a plan; arrays of whole numbers.

    Attributes:
        forward: A colour for each column.
        reverse: A colour for each row.
        counts: How many colours there are, forward and reverse.
        source: `[nnz]`, the place of each entry among the products.
        blocks: For each output its block by each input.
    """

    forward: np.ndarray
    reverse: np.ndarray
    counts: tuple[int, int]
    source: np.ndarray
    blocks: tuple[tuple[Block, ...], ...]


def tables_of(
    rows: csr_array, plan: Plan, problem: Problem, outputs: Sequence[tuple[int, ...]]
) -> Tables:
    """Return the tables of a pattern whose entries are in order.

    Args:
        rows: The pattern.
        plan: How it is taken.
        problem: What is differentiated.
        outputs: The shapes of its outputs; for a Hessian those of its inputs.
    """
    m, n = extents(rows)
    row_of = np.repeat(np.arange(m, dtype=np.int64), np.diff(rows.indptr))
    columns = rows.indices.astype(np.int64)
    start = plan.forward.count * m
    source = np.where(
        plan.by_forward,
        plan.forward.colours[columns] * m + row_of,
        start + plan.reverse.colours[row_of] * n + columns,
    )
    blocks, above = [], 0
    for output in outputs:
        size, left, line = int(np.prod(output, dtype=np.int64)), 0, []
        for leaf in problem.x:
            inside = (row_of >= above) & (row_of < above + size)
            inside &= (columns >= left) & (columns < left + leaf.size)
            places = (row_of - above) * leaf.size + columns - left
            entries = None if inside.all() else np.flatnonzero(inside)
            line.append(Block(_small(entries), _small(places[inside]), output + leaf.shape))
            left += leaf.size
        blocks.append(tuple(line))
        above += size
    return Tables(
        _small(plan.forward.colours),
        _small(plan.reverse.colours),
        (plan.forward.count, plan.reverse.count),
        _small(source),
        tuple(blocks),
    )


def _small(places: Any) -> Any:
    """Return places in 32 bits where these are enough."""
    if places is None or places.max(initial=0) > np.iinfo(np.int32).max:
        return places
    return places.astype(np.int32)


def entries(problem: Problem, tables: Tables, x: Leaves, fixed: Leaves) -> jax.Array:
    """Return the numbers of a Jacobian at the places of its pattern, row by row."""
    by_forward, by_reverse = tables.counts
    parts = []
    if by_forward:
        seeds = _seeds(jnp.asarray(tables.forward), by_forward, x)

        def push(tangent: Leaves) -> jax.Array:
            return _raveled(jax.jvp(lambda x: problem.fn(x, fixed), (x,), (tangent,))[1])

        parts.append(_each(push, seeds, by_forward))
    if by_reverse:
        output, pull = jax.vjp(lambda x: problem.fn(x, fixed), x)
        leaves, structure = jax.tree.flatten(output)
        cotangents = _seeds(jnp.asarray(tables.reverse), by_reverse, leaves)

        def pull_one(cotangent: Leaves) -> jax.Array:
            return _raveled(pull(jax.tree.unflatten(structure, cotangent))[0])

        parts.append(_each(pull_one, cotangents, by_reverse))
    if not parts:
        return jnp.zeros(0, jnp.result_type(*x))
    products = jnp.concatenate(parts) if len(parts) > 1 else parts[0]
    return products[jnp.asarray(tables.source)]


def _each(product: Any, seeds: Leaves, count: int) -> jax.Array:
    """Return a product along each seed, one after the other in one vector."""
    if count == 1:
        return product(tuple(seed[0] for seed in seeds))
    return jax.vmap(product)(seeds).ravel()


def _seeds(colours: jax.Array, count: int, leaves: Sequence[jax.Array]) -> Leaves:
    """Return for each colour the sum of the basis vectors that have it, in the leaves' shapes."""
    seeds, start = [], 0
    for leaf in leaves:
        own = colours[start : start + leaf.size]
        alike = own[None] == jnp.arange(count, dtype=own.dtype)[:, None]
        seeds.append(alike.astype(leaf.dtype).reshape(count, *leaf.shape))
        start += leaf.size
    return tuple(seeds)


def _raveled(tree: object) -> jax.Array:
    leaves = [leaf.ravel() for leaf in jax.tree.leaves(tree)]
    return jnp.concatenate(leaves) if len(leaves) > 1 else leaves[0]


def dense_jacobian(problem: Problem, tables: Tables, data: jax.Array) -> Jacobian:
    """Put the numbers of a Jacobian into dense blocks, with the structure of `jax.jacrev`."""

    def block(part: Block, dtype: Any) -> jax.Array:
        own = data if part.entries is None else data[jnp.asarray(part.entries)]
        flat = jnp.zeros(int(np.prod(part.shape, dtype=np.int64)), dtype)
        filled = flat.at[jnp.asarray(part.places)].set(
            own.astype(dtype), indices_are_sorted=True, unique_indices=True
        )
        return filled.reshape(part.shape)

    rows = tuple(
        tuple(block(part, leaf.dtype) for part, leaf in zip(line, problem.x, strict=True))
        for line in tables.blocks
    )
    return rows[0] if problem.scalar else rows
