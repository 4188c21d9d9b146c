"""Reading one operation of a program into a graph, element by element."""

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
from jax.extend.core import JaxprEqn

from ...program.jaxpr import dtype, kind
from .graph import Graph

_TRUTH = np.dtype(bool)

Nodes = np.ndarray  # of node numbers
Reader = Callable[[Graph, JaxprEqn, Sequence[Nodes]], Nodes]

#: Operations of a graph that have a primitive's name.
_SAME = (
    "abs acos acosh add and asin asinh atan atan2 atanh cbrt ceil cos cosh digamma div eq erf "
    "erf_inv erfc exp exp2 expm1 floor le lgamma log log1p log2 lt max min mul ne neg not or "
    "polygamma pow sign sin sinh sqrt square sub tan tanh"
)
#: Data is moved, and nothing computed: the primitive itself is run on the nodes' numbers.
MOVES = frozenset(
    [
        "broadcast_in_dim",
        "concatenate",
        "dynamic_slice",
        "dynamic_update_slice",
        "gather",
        "pad",
        "reshape",
        "rev",
        "scatter",
        "select_n",
        "slice",
        "split",
        "squeeze",
        "stack",
        "tile",
        "transpose",
        "unstack",
    ]
)
#: The operands that say where to, and so must be known: from the place on, or at it alone.
_WHERE = {
    "dynamic_slice": slice(1, None),
    "dynamic_update_slice": slice(2, None),
    "gather": slice(1, 2),
    "scatter": slice(1, 2),
    "select_n": slice(0, 1),
}


def places(name: str, count: int) -> set[int]:
    """Which of a move's operands are indices or predicates, not data."""
    return set(range(count)[_WHERE.get(name, slice(0, 0))])


def spread(make: Callable[..., int], *operands: Nodes) -> Nodes:
    """`make` applied to the elements of arrays, scalars broadcast."""
    return np.vectorize(make, otypes=[np.int32])(*operands)


def balanced(graph: Graph, operation: str, nodes: Sequence[int], empty: float | bool) -> int:
    """Folds nodes pairwise, so that the result is log2 n operations deep and not n."""
    nodes = list(nodes)
    while len(nodes) > 1:
        pairs = zip(nodes[::2], nodes[1::2], strict=False)
        odd = nodes[-1:] if len(nodes) % 2 else []
        nodes = [graph.make(operation, a, b) for a, b in pairs] + odd
    if nodes:
        return nodes[0]
    return graph.truth(empty) if isinstance(empty, bool) else graph.number(empty)


def dot(graph: Graph, a: Sequence[int], b: Sequence[int]) -> int:
    """The sum of products."""
    products = [graph.make("mul", x, y) for x, y in zip(a, b, strict=True)]
    return balanced(graph, "add", products, 0.0)


def _direct(operation: str, *, swapped: bool = False) -> Reader:
    def read(graph: Graph, _: JaxprEqn, operands: Sequence[Nodes]) -> Nodes:
        order = operands[::-1] if swapped else operands
        return spread(lambda *nodes: graph.make(operation, *nodes), *order)

    return read


def _composed(formula: Callable[..., int]) -> Reader:
    """A primitive that is a formula of a graph's operations, of the equation's parameters too."""

    def read(graph: Graph, eqn: JaxprEqn, operands: Sequence[Nodes]) -> Nodes:
        return spread(lambda *nodes: formula(graph, eqn.params, *nodes), *operands)

    return read


def _logistic(graph: Graph, _: dict, x: int) -> int:
    below = graph.make("add", graph.number(1.0), graph.make("exp", graph.make("neg", x)))
    return graph.make("div", graph.number(1.0), below)


def _integer_pow(graph: Graph, params: dict, x: int) -> int:
    if params["y"] == 2:
        return graph.make("square", x)
    return graph.make("pow", x, graph.number(params["y"]))


def _polynomial(graph: Graph, _: dict, x: int, *coefficients: int) -> int:
    """Horner's rule; the coefficient of the lowest power comes first."""
    return reduce(
        lambda total, c: graph.make("add", c, graph.make("mul", x, total)), coefficients[::-1]
    )


def _cast(graph: Graph, eqn: JaxprEqn, operands: Sequence[Nodes]) -> Nodes:
    """A truth becomes 1 or 0, and a number stays."""
    old, new = dtype(eqn.invars[0]), np.dtype(eqn.params["new_dtype"])
    if old == _TRUTH and new != _TRUTH:
        one, zero = graph.number(1.0), graph.number(0.0)
        return spread(lambda truth: graph.make("where", truth, one, zero), operands[0])
    if new == _TRUTH:
        zero = graph.number(0.0)
        return spread(lambda x: graph.make("ne", x, zero), operands[0])
    return operands[0]


def _choice(graph: Graph, eqn: JaxprEqn, operands: Sequence[Nodes]) -> Nodes:
    """`select_n(which, case_0, case_1, ...)`; a truth chooses case 1."""
    which, *cases = operands
    if dtype(eqn.invars[0]) == _TRUTH:
        return spread(lambda c, no, yes: graph.make("where", c, yes, no), which, *cases)
    return chosen(graph, which, cases)


def chosen(graph: Graph, which: Nodes, cases: Sequence[Nodes]) -> Nodes:
    """The case whose number `which` is, the last one for any other number."""
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


def _reduction(operation: str, empty: float | bool) -> Reader:
    def read(graph: Graph, eqn: JaxprEqn, operands: Sequence[Nodes]) -> Nodes:
        x, axes = operands[0], eqn.params["axes"]
        kept = [axis for axis in range(x.ndim) if axis not in axes]
        shape = tuple(x.shape[axis] for axis in kept)
        rows: Any = x.transpose(*kept, *axes).reshape(math.prod(shape), -1).tolist()
        folded = [balanced(graph, operation, row, empty) for row in rows]
        return np.array(folded, np.int32).reshape(shape)

    return read


def _cumulative(operation: str) -> Reader:
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


def _dot_general(graph: Graph, eqn: JaxprEqn, operands: Sequence[Nodes]) -> Nodes:
    (lhs_sum, rhs_sum), (lhs_batch, rhs_batch) = eqn.params["dimension_numbers"]
    a, batch, rows = _matrices(operands[0], lhs_batch, lhs_sum)
    b, _, columns = _matrices(operands[1], rhs_batch, rhs_sum)
    products = [
        dot(graph, row, column)
        for left, right in zip(a.tolist(), b.tolist(), strict=True)
        for row in left
        for column in right
    ]
    return np.array(products, np.int32).reshape((*batch, *rows, *columns))


def _matrices(
    x: Nodes, batch: Sequence[int], summed: Sequence[int]
) -> tuple[Nodes, tuple[int, ...], tuple[int, ...]]:
    """An operand as `[batch, rows, summed]`, and the shapes of its batch and its rows."""
    free = [axis for axis in range(x.ndim) if axis not in (*batch, *summed)]
    batch_shape, free_shape, summed_shape = (
        tuple(x.shape[axis] for axis in axes) for axes in (batch, free, summed)
    )
    matrices = x.transpose(*batch, *free, *summed).reshape(
        math.prod(batch_shape), math.prod(free_shape), math.prod(summed_shape)
    )
    return matrices, batch_shape, free_shape


READERS: dict[str, Reader] = {name: _direct(name) for name in _SAME.split()} | {
    "CheckpointName": lambda _graph, _eqn, operands: operands[0],
    "add_any": _direct("add"),
    "clamp": _composed(lambda g, _, low, x, high: g.make("min", g.make("max", x, low), high)),
    "convert_element_type": _cast,
    "copy": lambda _graph, _eqn, operands: operands[0],
    "copy_p": lambda _graph, _eqn, operands: operands[0],
    "cummax": _cumulative("max"),
    "cummin": _cumulative("min"),
    "cumprod": _cumulative("mul"),
    "cumsum": _cumulative("add"),
    "dot_general": _dot_general,
    "ge": _direct("le", swapped=True),
    "gt": _direct("lt", swapped=True),
    "integer_pow": _composed(_integer_pow),
    "is_finite": _composed(lambda g, _, x: g.truth(True)),
    "logistic": _composed(_logistic),
    "name": lambda _graph, _eqn, operands: operands[0],
    "one_minus_square": _composed(
        lambda g, _, x: g.make("sub", g.number(1.0), g.make("square", x))
    ),
    "optimization_barrier": lambda _graph, _eqn, operands: operands,
    "polynomial": _composed(_polynomial),
    "reduce_and": _reduction("and", True),
    "reduce_max": _reduction("max", -math.inf),
    "reduce_min": _reduction("min", math.inf),
    "reduce_or": _reduction("or", False),
    "reduce_precision": lambda _graph, _eqn, operands: operands[0],
    "reduce_prod": _reduction("mul", 1.0),
    "reduce_sum": _reduction("add", 0.0),
    "rsqrt": _composed(lambda g, _, x: g.make("div", g.number(1.0), g.make("sqrt", x))),
    "select_n": _choice,
    "stop_gradient": _direct("stop"),
}


def refused(eqn: JaxprEqn, symbolic: Sequence[bool]) -> str | None:
    """What of an operation has no expression, given which operands are no known numbers."""
    name, old = kind(eqn), dtype(eqn.invars[0])
    if any(np.issubdtype(dtype(v), np.complexfloating) for v in (*eqn.invars, *eqn.outvars)):
        return f"`{name}` of complex numbers"
    if name in MOVES and not any(symbolic[place] for place in places(name, len(eqn.invars))):
        return None
    if name in ("and", "not", "or") and old != _TRUTH:
        return f"`{name}` of an integer's bits"
    if name == "div" and np.issubdtype(old, np.integer):
        return "a division of integers"
    if name == "convert_element_type" and np.issubdtype(eqn.params["new_dtype"], np.integer):
        whole = old == _TRUTH or np.issubdtype(old, np.integer)
        return None if whole else "a cast to an integer"
    return None if name in READERS else f"`{name}`"
