"""A Jacobian of a known pattern from few products, and the forms it is handed out in.

One product tells all columns of one colour, or all rows. The numbers are read off the products by
one gather, and put into a dense matrix by one scatter whose places are sorted and unique, which is
many times faster than a gather of columns. What is left is the time to write zeros.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from scipy.sparse import csr_array

from ...derivatives.jacobians import Jacobian
from ...derivatives.problem import Leaves, Problem
from ..pattern.marks import extents
from .plans import Plan
from .unrolled import Seeds, products_of, seeds_of

#: Each number is put at a row and a column of its own.
_AT_ROW_AND_COLUMN = lax.ScatterDimensionNumbers(
    update_window_dims=(), inserted_window_dims=(0, 1), scatter_dims_to_operand_dims=(0, 1)
)
#: Numbers of seeds, or places, that a program may hold.
_MOST_WITHIN = 400_000


class Block(NamedTuple):
    """The entries of one output by one input.

    Attributes:
        entries: Which of all entries they are; `None` for all of them.
        source: Where they are among the products; `None` for where all entries are.
        places: `[entries, 2]`, their rows and columns in the block as a matrix, ascending.
        shape: That of the block.
        matrix: The same as numbers of rows and columns.
    """

    entries: np.ndarray | None
    source: np.ndarray | None
    places: np.ndarray
    shape: tuple[int, ...]
    matrix: tuple[int, int]


class Within:
    """An array that a program holds, so that what follows from it alone is computed once.

    Other arrays are passed to it: to look into large ones takes long as it is compiled.

    Attributes:
        array: The array.
    """

    def __init__(self, array: np.ndarray) -> None:
        """Hold an array."""
        self.array = array

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return self.array.size


class Tables(NamedTuple):
    """What a program needs to know of a pattern and a plan; arrays of whole numbers.

    Attributes:
        forward: A colour for each column.
        reverse: A colour for each row.
        counts: How many colours there are, forward and reverse.
        source: `[nnz]`, the place of each entry among the products; `None` for its own.
        blocks: For each output its block by each input.
        seeds: The forward seeds, if they are pushed one by one.
    """

    forward: np.ndarray | Within
    reverse: np.ndarray | Within
    counts: tuple[int, int]
    source: np.ndarray | Within | None
    blocks: tuple[tuple[Block, ...], ...]
    seeds: Seeds | None = None


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
    read, off = plan.read_at(rows)
    forward, start = plan.forward.colours[off] * m + read, plan.forward.count * m
    seeds = seeds_of(problem, plan.forward)
    if seeds:
        forward, start = seeds.places(plan.forward.colours[off], read)
    source = np.where(
        plan.by_forward,
        forward,
        start + plan.reverse.colours[row_of] * n + columns,
    )
    blocks, above = [], 0
    for output in outputs:
        size, left, line = int(np.prod(output, dtype=np.int64)), 0, []
        for leaf in problem.x:
            inside = (row_of >= above) & (row_of < above + size)
            inside &= (columns >= left) & (columns < left + leaf.size)
            places = np.stack([row_of[inside] - above, columns[inside] - left], axis=1)
            entries = None if inside.all() else np.flatnonzero(inside)
            taken = None if entries is None else source[entries]
            entries, taken, places = map(small, (entries, taken, places))
            line.append(Block(entries, taken, places, output + leaf.shape, (size, leaf.size)))
            left += leaf.size
        blocks.append(tuple(line))
        above += size
    return Tables(
        _within(plan.forward.colours, plan.forward.count),
        _within(plan.reverse.colours, plan.reverse.count),
        (plan.forward.count, plan.reverse.count),
        _within(source),
        tuple(blocks),
        seeds,
    )


def _within(places: np.ndarray, each: int = 1) -> np.ndarray | Within:
    """Let a program hold places, or colours and the seeds that follow, where they are few."""
    few = places.size * each <= _MOST_WITHIN
    return Within(small(places)) if few else small(places)


def small(places: Any) -> Any:
    """Return places in 32 bits where these are enough."""
    if places is None or places.max(initial=0) > np.iinfo(np.int32).max:
        return places
    return places.astype(np.int32)


def entries(problem: Problem, tables: Tables, x: Leaves, fixed: Leaves) -> jax.Array:
    """Return the numbers of a Jacobian at the places of its pattern, row by row."""
    return at_places(products(problem, tables, x, fixed), tables.source)


def products(problem: Problem, tables: Tables, x: Leaves, fixed: Leaves) -> jax.Array:
    """Return the products that tell a Jacobian, forward ones first, one after the other."""
    by_forward, by_reverse = tables.counts
    parts = []
    if tables.seeds:
        parts.append(products_of(problem, tables.seeds, x, fixed))
    elif by_forward:
        seeds = _seeds(tables.forward, by_forward, x)

        def push(tangent: Leaves) -> jax.Array:
            return _raveled(jax.jvp(lambda x: problem.fn(x, fixed), (x,), (tangent,))[1])

        parts.append(_each(push, seeds, by_forward))
    if by_reverse:
        output, pull = jax.vjp(lambda x: problem.fn(x, fixed), x)
        leaves, structure = jax.tree.flatten(output)
        cotangents = _seeds(tables.reverse, by_reverse, leaves)

        def pull_one(cotangent: Leaves) -> jax.Array:
            return _raveled(pull(jax.tree.unflatten(structure, cotangent))[0])

        parts.append(_each(pull_one, cotangents, by_reverse))
    if not parts:
        return jnp.zeros(0, jnp.result_type(*x))
    return jnp.concatenate(parts) if len(parts) > 1 else parts[0]


def of_entries(tables: Tables) -> Tables:
    """Return the tables for numbers that are the entries themselves, not products."""
    blocks = [[part._replace(source=part.entries) for part in line] for line in tables.blocks]
    return tables._replace(source=None, blocks=tuple(map(tuple, blocks)))


def at_places(numbers: jax.Array, places: Any) -> jax.Array:
    """Return the numbers of a vector at places that are inside it; `None` for all of them."""
    places = places.array if isinstance(places, Within) else places
    if places is None or not places.size:
        return numbers if places is None else numbers[:0]
    return numbers.at[jnp.asarray(places)].get(
        mode="promise_in_bounds", wrap_negative_indices=False
    )


def _each(product: Any, seeds: Leaves, count: int) -> jax.Array:
    """Return a product along each seed, one after the other in one vector."""
    if count == 1:
        return product(tuple(seed[0] for seed in seeds))
    return jax.vmap(product)(seeds).ravel()


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


def dense_jacobian(
    problem: Problem, tables: Tables, numbers: jax.Array, onto: Jacobian | None = None
) -> Jacobian:
    """Put the numbers of a Jacobian into dense blocks, with the structure of `jax.jacrev`.

    Args:
        problem: What is differentiated.
        tables: The pattern.
        numbers: The products, or what else the tables are for.
        onto: The blocks that they are added to, such as a part of low rank; zeros by default.
    """

    def block(part: Block, dtype: Any, below: jax.Array | None) -> jax.Array:
        own = at_places(numbers, tables.source if part.source is None else part.source)
        # Not as a vector: what the scatter writes into would be computed place by place.
        put = lax.scatter if below is None else lax.scatter_add
        filled = put(
            jnp.zeros(part.matrix, dtype) if below is None else below.reshape(part.matrix),
            jnp.asarray(part.places),
            own.astype(dtype),
            _AT_ROW_AND_COLUMN,
            indices_are_sorted=True,
            unique_indices=True,
            mode="promise_in_bounds",
        )
        return filled.reshape(part.shape)

    lines = [[None] * len(problem.x)] * len(tables.blocks) if onto is None else onto
    rows = tuple(
        tuple(block(part, leaf.dtype, below) for part, leaf, below in zip(*parts, strict=True))
        for parts in (
            (line, problem.x, under) for line, under in zip(tables.blocks, lines, strict=True)
        )
    )
    return rows[0] if problem.scalar else rows
