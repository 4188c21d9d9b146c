"""A program as a chain of parts, and the derivative of each that is no dense matrix by passes.

The weights of a dense layer are its Jacobian, and are read off the program; what works number by
number has a diagonal; a softmax or a layer norm is a diagonal and a little of low rank. None of
them need be pushed through as a basis.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn, Var
from scipy.sparse import csr_array

from ...derivatives.problem import Leaves, Problem
from ...program.flops import flops_of
from ...program.jaxpr import kind, names, shape
from ..colouring.compressed import entries
from ..colouring.tables import Tables, tables_of
from ..modes import stopped_modes
from ..pattern.detection import find_pattern
from ..pattern.marks import TooLargeError, extents
from .boundaries import Boundary, is_dense_layer
from .flat import Flat, inputs_of, part, variables
from .pieces import Piece, struct_of
from .splits import Split, coloured, factors, sparse_and_narrow
from .terms import Factors, Terms, terms_of

#: Operations that put numbers elsewhere and change none.
_MOVES = names("broadcast_in_dim copy reshape rev slice squeeze transpose")
#: Entries of a row of a sparse part, and colours of it, at most.
_MOST_TERMS = 4


class Weights(NamedTuple):
    """A dense layer, whose Jacobian is one of its operands.

    Attributes:
        held: Which of the held values.
        axes: The order of its axes, those of the outputs first.
    """

    held: int
    axes: tuple[int, ...]


class Sparse(NamedTuple):
    """A sparse Jacobian, or one beside a few numbers that are held still.

    Attributes:
        held_still: These numbers, if there are any.
        colours: How many passes the sparse part takes; none where all its entries are one.
        terms: How many entries a row or a column of it has, at most.
        tables: What is known of it: how it is taken, its rows and its columns.
    """

    held_still: Split | None
    colours: int
    terms: int
    tables: tuple[Tables, Terms, Terms]

    @property
    def rank(self) -> int:
        """How many numbers are held still."""
        return self.held_still.size if self.held_still else 0


Local: TypeAlias = Weights | Sparse


class Link(NamedTuple):
    """The part of a program between two boundaries.

    Attributes:
        run: The values before, and those that are held, to the values after.
        before: The types of the values before.
        after: Those of the values after.
        held: The values that are held.
        operations: How many operations it takes.
        line: The user's line that it ends with.
        local: Its Jacobian, if that is not taken as a dense matrix.
        stops: The modes that it does not have.
        moves: Whether it only puts numbers elsewhere, so that all its entries are one.
    """

    run: Piece
    before: list[Any]
    after: list[Any]
    held: list[Var]
    operations: float
    line: str
    local: Local | None = None
    stops: frozenset[str] = frozenset()
    moves: bool = False

    def function(self, held: Leaves) -> Callable[[Leaves], Leaves]:
        """Return it as a function of the values before alone."""
        return lambda values: tuple(self.run(*values, *held))


def link_of(whole: Flat, useful: set[Var], before: Boundary, after: Boundary) -> Link:
    """Return the part of a program between two boundaries; its Jacobian is not looked at."""
    known = {*before.values, *whole.program.jaxpr.constvars}
    eqns, needs = inputs_of(whole, after.values, lambda v: v in known or v not in useful)
    layer = _dense_layer(eqns, before)
    if layer is None:  # constants, such as places, are made anew: they tell what depends on what
        given = _given(whole) - useful
        eqns, needs = inputs_of(whole, after.values, lambda v: v in known or v in given)
    held = [v for v in needs if v not in known]
    held += [layer[0]] if layer and layer[0] not in held else []
    return Link(
        run=part(whole, [*before.values, *held], after.values),
        before=[struct_of(v.aval) for v in before.values],
        after=[struct_of(v.aval) for v in after.values],
        held=held,
        operations=sum(float(flops_of(eqn).high) for eqn in eqns),
        line=whole.lines[after.place - 1],
        local=Weights(held.index(layer[0]), layer[1]) if layer else None,
        moves=all(kind(eqn) in _MOVES for eqn in eqns),
    )


def _given(whole: Flat) -> set[Var]:
    """Return the values that are not the same whatever all inputs are."""
    given = set(whole.program.jaxpr.invars)
    for eqn in whole.program.jaxpr.eqns:
        if any(v in given for v in variables(eqn.invars)):
            given |= set(eqn.outvars)
    return given


def _dense_layer(eqns: Sequence[JaxprEqn], before: Boundary) -> tuple[Var, tuple[int, ...]] | None:
    """Return the weights of a part that is one product with a vector, and the order of their axes.

    A batch of vectors has a Jacobian with a block of weights for each, which is another matter.
    """
    if len(eqns) != 1 or not is_dense_layer(eqns[0], before.values):
        return None
    side = int(eqns[0].invars[1] in before.values)
    contracted = eqns[0].params["dimension_numbers"][0]
    order = np.argsort(contracted[side])
    ours = [int(contracted[1 - side][k]) for k in order]
    weights = variables(eqns[0].invars)[1 - side]
    free = [axis for axis in range(len(shape(weights))) if axis not in ours]
    return weights, (*free, *ours)


def looked_into(link: Link, problem: Problem, left: Callable[[], float]) -> Link:
    """Look at what depends on what in a part, and return it with its Jacobian if that is sparse."""
    m, outputs = _size(link.after), [leaf.shape for leaf in link.after]
    held = tuple(struct_of(v.aval) for v in link.held)
    of_link = _problem(link, problem, tuple(link.before), held)
    stops = stopped_modes(of_link)
    link = link._replace(stops=stops)
    try:
        run = lambda x, fixed: list(of_link.fn(x, fixed))  # noqa: E731
        pattern = find_pattern(run, of_link.x, of_link.fixed, left=left)
    except TooLargeError:
        return link
    rows = pattern.rows
    rows.sort_indices()
    if pattern.curved or not rows.nnz:
        return link
    held_still = None
    if _longest(rows) > _MOST_TERMS:
        parts = None if stops else sparse_and_narrow(of_link, rows, m, outputs, left)
        if parts is None:
            return link
        held_still, rows, colours = parts
    else:
        colours = coloured(rows, of_link, outputs, left, stops)
    terms = _longest(rows)
    if colours is None or max(terms, colours.count) > _MOST_TERMS:
        return link
    columns = csr_array((np.arange(1, rows.nnz + 1), rows.indices, rows.indptr), rows.shape).tocsc()
    order = columns.data.astype(np.int64) - 1
    tables = tables_of(rows, colours, of_link, outputs)
    by_row = terms_of(np.arange(rows.nnz), rows.indices, rows.indptr)
    by_column = terms_of(order, columns.indices, columns.indptr)
    passes = 0 if link.moves and held_still is None else colours.count
    return link._replace(local=Sparse(held_still, passes, terms, (tables, by_row, by_column)))


def _problem(link: Link, problem: Problem, x: Any, fixed: Any) -> Problem:
    """Return a part as what is differentiated."""
    return problem._replace(
        fn=lambda x, fixed: tuple(link.run(*x, *fixed)),
        x=x,
        fixed=fixed,
        n=_size(link.before),
        m=_size(link.after),
        scalar=False,
        program=None,
        wide=None,
    )


def _size(leaves: Sequence[Any]) -> int:
    return sum(math.prod(leaf.shape) for leaf in leaves)


def _longest(rows: csr_array) -> int:
    """Return how many entries a row or a column has, at most."""
    by_column = np.bincount(rows.indices, minlength=extents(rows)[1])
    return int(max(np.diff(rows.indptr).max(initial=0), by_column.max(initial=0)))


def weights_of(link: Link, held: Leaves, dtype: Any) -> jax.Array:
    """Return the Jacobian of a dense layer, `[outputs, inputs]`."""
    assert isinstance(link.local, Weights)
    matrix = jnp.transpose(held[link.local.held], link.local.axes)
    return matrix.reshape(_size(link.after), _size(link.before)).astype(dtype)


def factors_of(
    link: Link, tables: tuple[Tables, Terms, Terms], problem: Problem, values: Leaves, held: Leaves
) -> Factors:
    """Return the sparse Jacobian of a part at a point, in the type of what is differentiated."""
    assert isinstance(link.local, Sparse)
    colours, rows, columns = tables
    dtype, still = jnp.result_type(*problem.x), _problem(link, problem, values, held)
    outer = jnp.zeros((0, _size(link.after)), dtype)
    inner = jnp.zeros((0, _size(link.before)), dtype)
    if link.local.held_still:
        one, other, still = factors(link.local.held_still, still, values, held)
        outer, inner = flattened(one, dtype), flattened(other, dtype)
    if link.local.colours:
        numbers = entries(still, colours, values, still.fixed).astype(dtype)
    else:
        assert colours.source is not None  # as `tables_of` makes it
        numbers = jnp.ones(colours.source.size, dtype)
    return Factors(numbers, outer, inner, rows, columns)


def flattened(leaves: Sequence[jax.Array], dtype: Any) -> jax.Array:
    """Return directions `[count, *leaf]` side by side, `[count, numbers]`."""
    parts = [leaf.reshape(leaf.shape[0], -1).astype(dtype) for leaf in leaves]
    return jnp.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]
