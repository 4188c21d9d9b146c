"""A Jacobian of a known pattern from few products, and the forms it is handed out in.

One product tells all columns of one colour, or all rows. The numbers are read off the products by
one gather, and put into a dense matrix by one scatter whose places are sorted and unique, which is
many times faster than a gather of columns. What is left is the time to write zeros.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ...derivatives.jacobians import Jacobian
from ...derivatives.problem import Leaves, Problem
from .products import products
from .tables import Block, Tables, without

#: Each number is put at a row and a column of its own.
_AT_ROW_AND_COLUMN = lax.ScatterDimensionNumbers(
    update_window_dims=(), inserted_window_dims=(0, 1), scatter_dims_to_operand_dims=(0, 1)
)


def entries(problem: Problem, tables: Tables, x: Leaves, fixed: Leaves) -> jax.Array:
    """Return the numbers of a Jacobian at the places of its pattern, row by row."""
    return at_places(products(problem, tables, x, fixed), tables.source)


def at_places(numbers: jax.Array, places: Any) -> jax.Array:
    """Return the numbers of a vector at places that are inside it; `None` for all of them."""
    places = without(places)
    if places is None or not places.size:
        return numbers if places is None else numbers[:0]
    return numbers.at[jnp.asarray(places)].get(
        mode="promise_in_bounds", wrap_negative_indices=False
    )


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
            jnp.asarray(without(part.places)),
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
