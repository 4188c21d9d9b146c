"""A Jacobian of examples that share nothing: the structure of one example, for all at once.

It is block diagonal, which colours see. But what a block allows they do not: a layer norm holds two
numbers still for each example, and all examples together need no more passes than one.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ...check.float64 import own_program
from ...derivatives.jacobians import Jacobian
from ...derivatives.problem import Leaves, Problem
from ..colouring.compressed import at_places
from ..decomposition.chains import chain
from ..decomposition.cuts import cut
from ..decomposition.splits import split
from ..sought import Sought
from ..ways import Way, gathered
from .rows import numbers_of, places_in_rows
from .shared import batched_leaves, examples_of, one_example, same_values

#: An example has at least so many inputs, and outputs.
_FEW = 4


def apart(sought: Sought) -> Way | None:
    """Return the way by a cut, a split or a chain of one example, if examples share nothing.

    They are found as those that share inputs are: see `batch`, whose arguments these are.

    Example:
        >>> from benchmarks.derivatives.problem import make_problem
        >>> problem = make_problem(lambda x: jax.nn.softmax(x, axis=-1), (jnp.ones((5, 30)),))
        >>> way = apart(Sought(problem))
        >>> way.name, way.passes
        ('vmap (5 examples, split (1+1+1))', 3)
    """
    problem, rows, entries = sought.problem, sought.rows, sought.m * sought.n
    count, outputs = examples_of(problem)
    if not count or min(sought.n, sought.m) < _FEW * count or own_program(problem).effects:
        return None
    if rows is not None and not _FEW * sought.m <= rows.nnz <= entries // count:
        return None  # colours do, or examples meet
    batched = batched_leaves(problem, count, sought.left, share=False)
    one = one_example(problem, batched) if batched else None
    if batched is None or one is None:
        return None
    alone = _alone(problem, batched, count)
    operations = sought.operations / count
    way = _cheapest(Sought(alone, None, operations, sought.left, runs=False))
    if way is None or (sought.runs and not same_values(problem, one, batched)):
        return None

    together = _Together(alone, way, batched, [math.prod(leaf.shape) for leaf in outputs])
    own = [True] * len(problem.x)
    places = None if rows is None else places_in_rows(rows, problem.x, own, outputs, count)
    nested = way.name.startswith("vmap")
    return Way(
        name=f"vmap ({count:,} examples, {way.name})",
        passes=way.passes,
        cost=way.cost * count + entries * 0.25,
        dense=together.dense,
        data=gathered(together.dense, rows) if places is None else together.data,
        tables=(way.tables, places),
        why=way.why if nested else f"examples share nothing; in each, {way.why}",
    )


class _Together(NamedTuple):
    """The Jacobian of all examples, by a way for one.

    Attributes:
        alone: The function of one example.
        way: How its Jacobian is taken.
        batched: Whether each input has the examples along its first axis.
        heights: How many numbers each output holds.
    """

    alone: Problem
    way: Way
    batched: Sequence[bool]
    heights: Sequence[int]

    def each(self, tables: Any, x: Leaves, fixed: Leaves) -> Jacobian:
        """Return each example's Jacobian, `[examples, *outputs, *leaf]`."""

        def jacobian(x: Leaves, fixed: Leaves) -> Jacobian:
            return self.way.dense(self.alone._replace(x=x, fixed=fixed), tables, x, fixed)

        axes = tuple(0 if is_batched else None for is_batched in self.batched)
        return jax.vmap(jacobian, in_axes=(axes[: len(x)], axes[len(x) :]))(x, fixed)

    def dense(self, problem: Problem, tables: Any, x: Leaves, fixed: Leaves) -> Jacobian:
        """Return that of all, whose blocks are on the diagonal."""
        del problem
        lines = self.each(tables[0], x, fixed)
        return tuple(tuple(map(_diagonal, line, x)) for line in lines)

    def data(self, problem: Problem, tables: Any, x: Leaves, fixed: Leaves) -> jax.Array:
        """Return its numbers at the places of the pattern."""
        del problem
        numbers = numbers_of(self.each(tables[0], x, fixed), self.heights)
        return numbers if numbers.size == tables[1].size else at_places(numbers, tables[1])


def _alone(problem: Problem, batched: Sequence[bool], count: int) -> Problem:
    """Return the function of one example, without an axis of examples, as what is differentiated.

    It is traced in its own types alone, at other lengths too: examples may be of examples.
    """
    split_at = len(problem.x)

    def run(x: Leaves, fixed: Leaves) -> Leaves:
        pairs = zip((*x, *fixed), batched, strict=True)
        leaves = tuple(leaf[None] if is_batched else leaf for leaf, is_batched in pairs)
        outputs = problem.fn(leaves[:split_at], leaves[split_at:])
        return tuple(out[0] for out in jax.tree.leaves(outputs))

    leaves = tuple(
        jax.ShapeDtypeStruct(leaf.shape[1:] if is_batched else leaf.shape, leaf.dtype)
        for leaf, is_batched in zip((*problem.x, *problem.fixed), batched, strict=True)
    )
    return problem._replace(
        fn=run,
        x=leaves[:split_at],
        fixed=leaves[split_at:],
        n=problem.n // count,
        m=problem.m // count,
        scalar=False,
        program=None,
        wide=None,
    )


def _cheapest(alone: Sought) -> Way | None:
    """Return the best that the program of one example allows."""
    ways: list[Way] = []
    for look in (cut, split, chain, apart):
        if alone.left() < 0:
            break
        way = look(alone)
        ways += [way] if way else []
    return min(ways, key=lambda way: way.cost, default=None)


def _diagonal(part: jax.Array, leaf: jax.Array) -> jax.Array:
    """Put each example's block `[examples, *outputs, *leaf]` onto the diagonal."""
    count, rank = part.shape[0], part.ndim - (leaf.ndim - 1)
    places = np.arange(count)
    whole = jnp.zeros((count, *part.shape), part.dtype)
    whole = whole.at[places, places].set(part, unique_indices=True, indices_are_sorted=True)
    return jnp.moveaxis(whole, 1, rank)
