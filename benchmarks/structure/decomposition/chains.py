"""A Jacobian as the product of those of the parts of a program, in the cheapest order.

`J = J_k ... J_1`, where each is taken by its cheaper mode, or is read off the program, and each
product is of matrices, or is pushed or pulled through a part that is never made a matrix. The order
is found by dynamic programming (U. Naumann, The Art of Differentiating Computer Programs, 2012,
ch. 3; Optimization of generalized Jacobian chain products without memory constraints, 2020).
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ...check.float64 import own_program
from ...derivatives.jacobians import Jacobian, one_hot
from ...derivatives.problem import Leaves, Problem
from ...instrument.units import counted
from ...program.jaxpr import kind
from ...program.walk import equations
from ..sought import Sought
from ..ways import FORWARD, REVERSE, Way, gathered
from .boundaries import Boundary, inner_boundaries, useful_values
from .bracketing import Node, cheapest, cost_of_cut, locals_of, passes_of, places_of
from .flat import flat, part
from .links import (
    Link,
    Sparse,
    Weights,
    factors_of,
    flattened,
    link_of,
    looked_into,
    weights_of,
)
from .pieces import Piece
from .terms import Factors

#: A chain saves at least this many times the operations of the better plain mode, and of a cut:
#: passes through the narrowest place are never more than those between any others.
_SAVES = 2.0
#: A pattern of a smaller share of entries is for colours.
_SPARSE = 0.25


class Chain(NamedTuple):
    """A program in parts, one after the other.

    Attributes:
        values: The program's inputs to the values of all inner boundaries, then to what is held.
        links: The parts.
        inner: The boundaries between them.
    """

    values: Piece
    links: list[Link]
    inner: list[Boundary]


def chain(sought: Sought) -> Way | None:
    """Return the way by the product of several Jacobians, if that saves operations.

    Example:
        >>> from benchmarks.derivatives.problem import make_problem
        >>> weights = jnp.ones((30, 40))
        >>> problem = make_problem(lambda x: jax.nn.softmax(weights @ x), (jnp.ones(40),))
        >>> way = chain(Sought(problem))
        >>> way.name, way.passes
        ('split (1+1+1)', 3)
    """
    problem, rows, n, m = sought.problem, sought.rows, sought.n, sought.m
    if rows is not None and rows.nnz < _SPARSE * m * n:
        return None
    found = _find(problem, m, sought.left)
    if found is None:
        return None
    sizes = [n, *(boundary.size for boundary in found.inner), m]
    tree, plain = cheapest(sizes, found.links)
    if not _SAVES * tree.cost < min(plain, cost_of_cut(sizes, found.links)):
        return None
    tables = tuple(one.local.tables if isinstance(one.local, Sparse) else () for one in found.links)

    def dense(problem: Problem, tables: Any, x: Leaves, fixed: Leaves) -> Jacobian:
        return _Run(found, problem, tables, x, fixed).jacobian(tree)

    called, why = _told(tree, found, sizes)
    passes = passes_of(tree, sizes, found.links)
    # Callers count operations as they like: it is compared by what it saves of a plain mode.
    either = min(n * FORWARD, m * REVERSE) * sought.operations + m * n
    cost = tree.cost / plain * either
    return Way(called, passes, cost, dense, gathered(dense, rows), tables, why=why)


def _find(problem: Problem, m: int, left: Callable[[], float]) -> Chain | None:
    """Cut a program at its boundaries, and look into each part."""
    program = own_program(problem)
    has_layers = any(kind(eqn) == "dot_general" for eqn, _ in equations(program))
    whole = flat(program, len(problem.x)) if has_layers else None
    if whole is None:
        return None
    useful = useful_values(whole)
    inner = inner_boundaries(whole, useful, max(problem.n, m))
    if not inner or left() < 0:
        return None
    jaxpr = whole.program.jaxpr
    ends = Boundary(0, whole.inputs), Boundary(len(jaxpr.eqns), list(jaxpr.outvars))
    places = [ends[0], *inner, ends[1]]
    links: list[Link] = []
    for before, after in itertools.pairwise(places):
        if left() < 0:
            return None
        link = link_of(whole, useful, before, after)
        links.append(link if link.local else looked_into(link, problem, left))
    held = [v for link in links for v in link.held]
    given = [v for boundary in inner for v in boundary.values]
    return Chain(part(whole, jaxpr.invars, [*given, *held]), links, inner)


def _told(tree: Node, found: Chain, sizes: Sequence[int]) -> tuple[str, str]:
    """Return what a chain is called, and why it is cheap."""
    used = [found.links[place].local for place in locals_of(tree)]
    sparse = [local for local in used if isinstance(local, Sparse)]
    splits = [local for local in sparse if local.rank]
    places = places_of(tree, found.links)
    lines = dict.fromkeys(filter(None, (found.links[place - 1].line for place in places)))
    at = f" ({', '.join(lines)})" if lines else ""
    if len(used) == len(found.links) and len(splits) == 1:
        rank, colours = splits[0].rank, sum(local.colours for local in sparse)
        still = counted(rank, "number")
        why = f"after a dense layer{at}, with {still} held still, the rest is sparse"
        return f"split ({rank:,}+{colours:,}+{rank:,})", why
    widths = [f"{sizes[place]:,}" for place in places]
    why = f"the Jacobians between {' and '.join(widths)} numbers{at} are multiplied, in this order"
    return f"chain ({' x '.join(widths)})", why.removesuffix(", in this order")


class _Run:
    """One evaluation of a chain."""

    def __init__(
        self, found: Chain, problem: Problem, tables: Any, x: Leaves, fixed: Leaves
    ) -> None:
        """Compute the values at all boundaries."""
        self._found, self._problem, self._tables = found, problem._replace(x=x), tables
        self._x, self._dtype = x, jnp.result_type(*x)
        values = iter(found.values(*x, *fixed))
        self._values = [x, *(tuple(next(values) for _ in b.values) for b in found.inner)]
        self._held = [tuple(next(values) for _ in link.held) for link in found.links]

    def jacobian(self, tree: Node) -> Jacobian:
        """Return the Jacobian with the structure of `jax.jacrev`."""
        matrix = self.matrix(tree)
        lines, above = [], 0
        for out in self._found.links[-1].after:
            size, before, line = out.size, 0, []
            for leaf in self._x:
                block = matrix[above : above + size, before : before + leaf.size]
                line.append(block.reshape(*out.shape, *leaf.shape).astype(leaf.dtype))
                before += leaf.size
            lines.append(tuple(line))
            above += size
        return lines[0] if self._problem.scalar else tuple(lines)

    def matrix(self, node: Node) -> jax.Array:
        """Return the matrix of a node, `[outputs, inputs]`."""
        start, end = node.start, node.end
        if node.kind == "forward":
            return self._pushed(start, end, _basis(self._values[start]))
        if node.kind == "reverse":
            like = tuple(jnp.zeros(o.shape, o.dtype) for o in self._after(start, end))
            return self._pulled(start, end, _basis(like))
        if node.kind == "local":
            return self._local(start)
        if node.kind == "push":
            inner = self.matrix(node.parts[0]).T
            middle = node.parts[0].end
            return self._pushed(middle, end, _directions(inner, self._values[middle]))
        if node.kind == "pull":
            middle = node.parts[0].start
            outer = self.matrix(node.parts[0])
            return self._pulled(start, middle, _directions(outer, self._values[middle]))
        first, *second = (self.matrix(one) for one in node.parts)
        if node.kind == "left":
            return self._factors(end - 1).times(first)
        if node.kind == "right":
            return self._factors(start).after(first)
        return jnp.matmul(second[0], first, precision="highest")

    def _after(self, start: int, end: int) -> Leaves:
        return jax.eval_shape(self._function(start, end), self._values[start])

    def _function(self, start: int, end: int) -> Callable[[Leaves], Leaves]:
        def run(values: Leaves) -> Leaves:
            for place in range(start, end):
                values = self._found.links[place].function(self._held[place])(values)
            return values

        return run

    def _pushed(self, start: int, end: int, directions: Leaves) -> jax.Array:
        run, values = self._function(start, end), self._values[start]
        pushed = jax.vmap(lambda one: jax.jvp(run, (values,), (one,))[1])(directions)
        return flattened(pushed, self._dtype).T

    def _pulled(self, start: int, end: int, directions: Leaves) -> jax.Array:
        pull = jax.vjp(self._function(start, end), self._values[start])[1]
        return flattened(jax.vmap(pull)(directions)[0], self._dtype)

    def _local(self, place: int) -> jax.Array:
        link = self._found.links[place]
        if isinstance(link.local, Weights):
            return weights_of(link, self._held[place], self._dtype)
        eye = jnp.eye(sum(leaf.size for leaf in self._values[place]), dtype=self._dtype)
        return self._factors(place).times(eye)

    def _factors(self, place: int) -> Factors:
        link, values, held = self._found.links[place], self._values[place], self._held[place]
        return factors_of(link, self._tables[place], self._problem, values, held)


def _basis(values: Leaves) -> Leaves:
    size = sum(leaf.size for leaf in values)
    return jax.vmap(lambda index: one_hot(index, values))(jnp.arange(size))


def _directions(matrix: jax.Array, like: Leaves) -> Leaves:
    """Return the lines of a matrix as directions of some values."""
    parts, before = [], 0
    for leaf in like:
        own = matrix[:, before : before + leaf.size]
        parts.append(own.reshape(-1, *leaf.shape).astype(leaf.dtype))
        before += leaf.size
    return tuple(parts)
