"""The ways to take a Jacobian that are weighed against one another, and what they may cost."""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse import csr_array

from ..check.float64 import is_wide
from ..derivatives.jacobians import Jacobian
from ..derivatives.problem import Leaves, Problem
from .colouring.compressed import at_places, dense_jacobian, entries
from .colouring.plans import Plan, plans, proves
from .colouring.products import products
from .colouring.tables import Tables, of_entries, small, tables_of
from .pattern.marks import extents

#: What a pass costs in runs of the function, roughly: one beside it, or one there and back.
FORWARD, REVERSE = 2.0, 3.0
#: Bytes above which a dense result is not made.
MOST_DENSE = 2e9
#: Products of so little depth are sums of terms.
_FEW_TERMS = 8


class Way(NamedTuple):
    """A way to take a Jacobian.

    Attributes:
        name: What it is called in a table.
        passes: How many directions are pushed or pulled.
        cost: What the model says it costs, in operations.
        dense: `dense(problem, tables, x, fixed)` returns it with the structure of `jax.jacrev`.
        data: `data(problem, tables, x, fixed)` returns its numbers at the places of the pattern.
        tables: What both are handed.
        plan: The colours, if it is by these.
        why: What lets it do with so few passes, in words.
        bound: Which of the fixed arguments' values it holds for, beside what the pattern does.
        by_entries: Whether it computes the entries of the pattern, and no more.
    """

    name: str
    passes: int
    cost: float
    dense: Callable[..., Any]
    data: Callable[..., jax.Array]
    tables: Any = ()
    plan: Plan | None = None
    why: str = ""
    bound: frozenset[int] = frozenset()
    by_entries: bool = False

    @property
    def plain(self) -> bool:
        """Whether it is one of JAX's own modes, which needs no check."""
        return self.name in ("forward", "reverse", "products")

    @property
    def modes(self) -> frozenset[str]:
        """The modes that it needs."""
        if self.plan is None:
            return frozenset({self.name} & {"forward", "reverse"})
        sides = {"forward": self.plan.forward.count, "reverse": self.plan.reverse.count}
        return frozenset(mode for mode, count in sides.items() if count)


def ways_of(
    problem: Problem,
    rows: csr_array | None,
    outputs: Sequence[tuple[int, ...]],
    operations: float,
    *,
    left: Callable[[], float] | None = None,
    symmetric: bool = False,
) -> list[Way]:
    """Return the ways to take a Jacobian, the cheapest by the model first.

    Args:
        problem: What is differentiated.
        rows: The pattern of its Jacobian; `None` if it is not known.
        outputs: The shapes of its outputs.
        operations: How many operations one run of the function takes.
        left: Tells how many seconds are left for colouring; 5 at first if nobody says.
        symmetric: Whether its values are symmetric for every x.
    """
    m = int(sum(np.prod(shape, dtype=np.int64) for shape in outputs))
    ways = plain_ways(problem, rows, m, operations)
    if rows is not None:
        inputs = [leaf.shape for leaf in problem.x]
        for plan in plans(rows, inputs, outputs, left=left, symmetric=symmetric):
            if left and left() < 0 and any(way.plan for way in ways):
                break  # one is enough where time is up
            if _saves(plan, problem.n, m) and proves(rows, plan):
                ways.append(_coloured(problem, rows, plan, outputs, operations))
    return sorted(ways, key=lambda way: way.cost)


def _saves(plan: Plan, n: int, m: int) -> bool:
    """Whether a plan takes fewer passes than the plain modes do."""
    return plan.forward.count * 4 <= n * 3 and plan.reverse.count * 4 <= m * 3


def plain_ways(problem: Problem, rows: csr_array | None, m: int, operations: float) -> list[Way]:
    """Return JAX's own modes, unless their dense result is too large."""

    def forward(problem: Problem, tables: tuple, x: Leaves, fixed: Leaves) -> Jacobian:
        del tables
        blocks = jax.jacfwd(problem.fn)(x, fixed)
        like = x if problem.scalar else tuple(x for _ in blocks)
        return jax.tree.map(lambda block, leaf: block.astype(leaf.dtype), blocks, like)

    def reverse(problem: Problem, tables: tuple, x: Leaves, fixed: Leaves) -> Jacobian:
        del tables
        return (jax.grad if problem.scalar else jax.jacrev)(problem.fn)(x, fixed)

    def way(name: str, passes: int, each: float, dense: Callable[..., Jacobian]) -> Way:
        cost = passes * each * operations + m * problem.n
        return Way(name, passes, cost, dense, gathered(dense, rows))

    if m * problem.n * 8 > MOST_DENSE:
        return []
    return [way("forward", problem.n, FORWARD, forward), way("reverse", m, REVERSE, reverse)]


def gathered(dense: Callable[..., Jacobian], rows: csr_array | None) -> Callable[..., jax.Array]:
    """Return what reads the numbers at the places of a pattern off a dense result."""

    def data(problem: Problem, tables: Any, x: Leaves, fixed: Leaves) -> jax.Array:
        assert rows is not None
        whole = as_matrix(dense(problem, tables, x, fixed), problem).ravel()
        return whole if rows.nnz == whole.size else at_places(whole, flat_places(rows))

    return data


def flat_places(rows: csr_array) -> np.ndarray:
    """Return where the entries of a pattern are in the flat dense matrix."""
    m, n = extents(rows)
    row_of = np.repeat(np.arange(m, dtype=np.int64), np.diff(rows.indptr))
    return small(row_of * n + rows.indices)


def as_matrix(jacobian: Jacobian, problem: Problem) -> jax.Array:
    """Return a dense result as one matrix, `[m, n]`."""
    lines = (jacobian,) if problem.scalar else jacobian
    return jnp.concatenate(
        [
            jnp.concatenate(
                [
                    block.reshape(-1, leaf.size)
                    for block, leaf in zip(line, problem.x, strict=True)
                    if leaf.size
                ],
                axis=1,
            )
            for line in lines
        ]
    )


def product(outer: jax.Array, inner: jax.Array) -> jax.Array:
    """Contract `[c, *outputs]` with `[c, *inputs]`, in full precision on any device.

    A few terms are added in the one loop that writes the result, which a matrix product of so
    little depth is no faster than; on some devices it is slower.
    """
    if outer.shape[0] <= _FEW_TERMS:
        terms = [o.reshape(-1, 1) * i.reshape(1, -1) for o, i in zip(outer, inner, strict=True)]
        matrix = reduce(jnp.add, terms).astype(inner.dtype)
        return matrix.reshape(*outer.shape[1:], *inner.shape[1:])
    return matrix_product(outer, inner)


def matrix_product(outer: jax.Array, inner: jax.Array) -> jax.Array:
    """Contract as `product` does, for a result that is made into a vector.

    Terms of a sum would be added number by number of that vector, each at a place to be divided.
    """
    block = jnp.tensordot(outer, inner, axes=(0, 0), precision="highest")
    return block.astype(inner.dtype)


#: Epsilons of its type that a number of a constant Jacobian may be off by, of the largest one.
_ROUNDED = 1e3


class Constant(NamedTuple):
    """A Jacobian that is the same for all inputs, and how it is put into its form."""

    tables: Tables
    data: np.ndarray


def constant(problem: Problem, way: Way) -> Way:
    """Return the way of a Jacobian that is the same for all inputs: it is computed once, now."""
    numbers = jax.jit(lambda x, fixed: way.data(problem, way.tables, x, fixed))
    held = Constant(of_entries(way.tables), np.asarray(numbers(problem.x, problem.fixed)))

    def dense(problem: Problem, tables: Constant, x: Leaves, fixed: Leaves) -> Jacobian:
        return dense_jacobian(problem, tables.tables, data(problem, tables, x, fixed))

    def data(problem: Problem, tables: Constant, x: Leaves, fixed: Leaves) -> jax.Array:
        held = jnp.asarray(tables.data)
        if not is_wide():
            return held
        # In the check they are exact if they are so but for their own rounding.
        exact = way.data(problem, way.tables, x, fixed)
        most = _ROUNDED * jnp.finfo(held.dtype).eps * jnp.max(jnp.abs(exact), initial=0.0)
        return jnp.where(jnp.abs(held - exact) <= most, exact, held)

    return Way("constant", 0, 0.0, dense, data, held, way.plan)


def _coloured(
    problem: Problem,
    rows: csr_array,
    plan: Plan,
    outputs: Sequence[tuple[int, ...]],
    operations: float,
) -> Way:
    def dense(problem: Problem, tables: Tables, x: Leaves, fixed: Leaves) -> Jacobian:
        return dense_jacobian(problem, tables, products(problem, tables, x, fixed))

    tables = tables_of(rows, plan, problem, outputs)
    share = tables.seeds.share if tables.seeds else 1.0
    passes = plan.forward.count * FORWARD * share + plan.reverse.count * REVERSE
    cost = passes * operations + rows.nnz * 4 + rows.shape[0] * rows.shape[1] * 0.25
    why = "columns or rows that meet nowhere share one"
    return Way(plan.name, plan.count, cost, dense, entries, tables, plan, why)
