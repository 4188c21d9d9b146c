"""How an operation is read as a formula: from arrays of a graph's nodes to arrays of its nodes.

A graph of expressions is what symbolic differentiation works on. A reader makes the nodes of an
operation's results out of those of its operands, element by element.
"""

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Protocol

import numpy as np
from jax.extend.core import JaxprEqn

from ..jaxpr import dtype

_TRUTH = np.dtype(bool)

#: An array of node numbers.
Nodes = np.ndarray


class Graph(Protocol):
    """What a reader asks of a graph: nodes for numbers, truths and operations."""

    def number(self, value: float) -> int:
        """Return the node of a constant."""
        ...

    def truth(self, value: bool) -> int:
        """Return the node of true or false."""
        ...

    def make(self, operation: str, *operands: int) -> int:
        """Return the node of an operation on nodes."""
        ...


#: `reader(graph, eqn, operands)` returns the nodes of the result, or of each of several results.
Reader = Callable[[Graph, JaxprEqn, Sequence[Nodes]], Nodes | list[Nodes]]
_Formula = Callable[..., int]  # (graph, the equation's parameters, a node for each operand)


def spread(make: Callable[..., int], *operands: Nodes) -> Nodes:
    """Apply `make` to the elements of arrays, scalars broadcast."""
    return np.vectorize(make, otypes=[np.int32])(*operands)


def balanced(graph: Graph, operation: str, nodes: Sequence[int], empty: float | bool) -> int:
    """Fold nodes in pairs, so that the result is log2 n operations deep instead of n."""
    nodes = list(nodes)
    while len(nodes) > 1:
        pairs = zip(nodes[::2], nodes[1::2], strict=False)
        odd = nodes[-1:] if len(nodes) % 2 else []
        nodes = [graph.make(operation, a, b) for a, b in pairs] + odd
    if nodes:
        return nodes[0]
    return graph.truth(empty) if isinstance(empty, bool) else graph.number(empty)


def chosen(graph: Graph, which: Nodes, cases: Sequence[Nodes]) -> Nodes:
    """Choose the case whose number `which` is, and the last one for any other number."""
    total = cases[-1]
    for place in reversed(range(len(cases) - 1)):
        number = graph.number(place)
        total = spread(
            lambda w, case, rest, number=number: graph.make(
                "where", graph.make("eq", w, number), case, rest
            ),
            which,
            cases[place],
            total,
        )
    return total


def same(operation: str, *, swapped: bool = False) -> Reader:
    """Read a primitive as one of the graph's operations, its operands exchanged if `swapped`."""

    def read(graph: Graph, _: JaxprEqn, operands: Sequence[Nodes]) -> Nodes:
        order = operands[::-1] if swapped else operands
        return spread(lambda *nodes: graph.make(operation, *nodes), *order)

    return read


def identity(graph: Graph, eqn: JaxprEqn, operands: Sequence[Nodes]) -> Nodes:
    """Read a primitive that hands its operand on."""
    del graph, eqn
    return operands[0]


def identities(graph: Graph, eqn: JaxprEqn, operands: Sequence[Nodes]) -> list[Nodes]:
    """Read a primitive that hands all of its operands on."""
    del graph, eqn
    return list(operands)


def _formula(formula: _Formula) -> Reader:
    """Read a primitive as a formula of a graph's operations and the equation's parameters."""

    def read(graph: Graph, eqn: JaxprEqn, operands: Sequence[Nodes]) -> Nodes:
        return spread(lambda *nodes: formula(graph, eqn.params, *nodes), *operands)

    return read


@_formula
def logistic(graph: Graph, _: dict, x: int) -> int:
    """Read 1 / (1 + exp(-x))."""
    below = graph.make("add", graph.number(1.0), graph.make("exp", graph.make("neg", x)))
    return graph.make("div", graph.number(1.0), below)


@_formula
def integer_pow(graph: Graph, params: dict, x: int) -> int:
    """Read x^y for a whole number y."""
    if params["y"] == 2:
        return graph.make("square", x)
    return graph.make("pow", x, graph.number(params["y"]))


@_formula
def polynomial(graph: Graph, _: dict, x: int, *coefficients: int) -> int:
    """Read Horner's rule; the coefficient of the lowest power comes first."""
    return reduce(
        lambda total, c: graph.make("add", c, graph.make("mul", x, total)), coefficients[::-1]
    )


@_formula
def one_minus_square(graph: Graph, _: dict, x: int) -> int:
    """Read 1 - x^2."""
    return graph.make("sub", graph.number(1.0), graph.make("square", x))


@_formula
def rsqrt(graph: Graph, _: dict, x: int) -> int:
    """Read 1 / sqrt(x)."""
    return graph.make("div", graph.number(1.0), graph.make("sqrt", x))


@_formula
def clamp(graph: Graph, _: dict, low: int, x: int, high: int) -> int:
    """Read min(max(x, low), high)."""
    return graph.make("min", graph.make("max", x, low), high)


@_formula
def is_finite(graph: Graph, _: dict, x: int) -> int:
    """Read true: a symbol stands for a finite number."""
    del x
    return graph.truth(True)


def cast(graph: Graph, eqn: JaxprEqn, operands: Sequence[Nodes]) -> Nodes:
    """Read a cast: a truth becomes 1 or 0, and a number stays."""
    old, new = dtype(eqn.invars[0]), np.dtype(eqn.params["new_dtype"])
    if old == _TRUTH and new != _TRUTH:
        one, zero = graph.number(1.0), graph.number(0.0)
        return spread(lambda truth: graph.make("where", truth, one, zero), operands[0])
    if new == _TRUTH:
        zero = graph.number(0.0)
        return spread(lambda x: graph.make("ne", x, zero), operands[0])
    return operands[0]


def choice(graph: Graph, eqn: JaxprEqn, operands: Sequence[Nodes]) -> Nodes:
    """Read `select_n(which, case_0, case_1, ...)`, of which a truth chooses case 1."""
    which, *cases = operands
    if dtype(eqn.invars[0]) == _TRUTH:
        return spread(lambda c, no, yes: graph.make("where", c, yes, no), which, *cases)
    return chosen(graph, which, cases)


def reduced(operation: str, empty: float | bool) -> Reader:
    """Read a reduction by one of the graph's operations; `empty` is what nothing reduces to."""

    def read(graph: Graph, eqn: JaxprEqn, operands: Sequence[Nodes]) -> Nodes:
        x, axes = operands[0], eqn.params["axes"]
        kept = [axis for axis in range(x.ndim) if axis not in axes]
        shape = tuple(x.shape[axis] for axis in kept)
        rows = x.transpose(*kept, *axes).reshape(math.prod(shape), -1).tolist()
        folded = [balanced(graph, operation, row, empty) for row in rows]
        return np.array(folded, np.int32).reshape(shape)

    return read


def cumulative(operation: str) -> Reader:
    """Read a cumulative sum, product, maximum or minimum."""

    def read(graph: Graph, eqn: JaxprEqn, operands: Sequence[Nodes]) -> Nodes:
        x = np.moveaxis(operands[0], eqn.params["axis"], 0)
        x = x[::-1] if eqn.params["reverse"] else x
        rows = list(x[:1])
        for row in x[1:]:
            rows.append(spread(lambda a, b: graph.make(operation, a, b), rows[-1], row))
        total = np.stack(rows) if rows else x
        total = total[::-1] if eqn.params["reverse"] else total
        return np.moveaxis(total, 0, eqn.params["axis"])

    return read


def dot_general(graph: Graph, eqn: JaxprEqn, operands: Sequence[Nodes]) -> Nodes:
    """Read a product of matrices."""
    (lhs_sum, rhs_sum), (lhs_batch, rhs_batch) = eqn.params["dimension_numbers"]
    a, batch, rows = _matrices(operands[0], lhs_batch, lhs_sum)
    b, _, columns = _matrices(operands[1], rhs_batch, rhs_sum)
    products = [
        _dot(graph, row, column)
        for left, right in zip(a.tolist(), b.tolist(), strict=True)
        for row in left
        for column in right
    ]
    return np.array(products, np.int32).reshape((*batch, *rows, *columns))


def _dot(graph: Graph, a: Sequence[int], b: Sequence[int]) -> int:
    products = [graph.make("mul", x, y) for x, y in zip(a, b, strict=True)]
    return balanced(graph, "add", products, 0.0)


def _matrices(
    x: Nodes, batch: Sequence[int], summed: Sequence[int]
) -> tuple[Nodes, tuple[int, ...], tuple[int, ...]]:
    """Return an operand as `[batch, rows, summed]`, and the shapes of its batch and its rows."""
    free = [axis for axis in range(x.ndim) if axis not in (*batch, *summed)]
    batch_shape, free_shape, summed_shape = (
        tuple(x.shape[axis] for axis in axes) for axes in (batch, free, summed)
    )
    matrices = x.transpose(*batch, *free, *summed).reshape(
        math.prod(batch_shape), math.prod(free_shape), math.prod(summed_shape)
    )
    return matrices, batch_shape, free_shape
