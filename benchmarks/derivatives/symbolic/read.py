"""Reading a JAX function's program into a graph of expressions."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn
from jax.typing import ArrayLike

from ...program.jaxpr import Atom, Program, dtype, kind, shape, trace
from ...program.loops import branch_taken, of_while, turn_by_turn
from ...program.primitives import (
    PRIMITIVES,
    Nodes,
    chosen,
    index_places,
    moves,
    spread,
    without_formula,
)
from ...program.walk import bind, by_content, interpret
from .graph import Graph


class UnsupportedError(Exception):
    """An operation that has no expression here; the message names it and the user's line."""


class Expression(NamedTuple):
    """An array of graph nodes; a value of any other type is known while reading."""

    nodes: Nodes


_Value: TypeAlias = Expression | jax.Array
_Values: TypeAlias = list[_Value]


class Reading(NamedTuple):
    """A program read into a graph.

    Attributes:
        symbols: An array of nodes for each leaf of floats among the inputs; `None` for the others.
        outputs: An array of nodes for each leaf of the output.
        structure: The output's structure.
    """

    symbols: list[Nodes | None]
    outputs: list[Nodes]
    structure: jax.tree_util.PyTreeDef  # pyright: ignore[reportInvalidTypeForm]


def read(graph: Graph, fn: Callable[..., object], *inputs: object) -> Reading:
    """Read `fn` at `inputs` into `graph`; every float of the inputs becomes a symbol.

    Integers, truths and keys among the inputs are read as the numbers that they are, and so are
    arrays that the function closes over. Loops are unrolled. A symbol stands for a finite number,
    so that `isfinite` is true.

    Raises:
        UnsupportedError: If the function has an operation that is not known here.
        StoppedError: If the graph grows beyond its limit.
    """
    leaves = jax.tree.leaves(inputs)
    symbols = [_symbols(graph, place, leaf) for place, leaf in enumerate(leaves)]
    operands = [
        jnp.asarray(leaf) if nodes is None else Expression(nodes)
        for leaf, nodes in zip(leaves, symbols, strict=True)
    ]
    outputs = _run(graph, trace(fn, *inputs), operands, "")
    structure = jax.tree.structure(jax.eval_shape(fn, *inputs))
    return Reading(symbols, [_nodes(graph, output) for output in outputs], structure)


def _symbols(graph: Graph, place: int, leaf: ArrayLike) -> Nodes | None:
    if not jnp.issubdtype(jnp.result_type(leaf), jnp.floating):
        return None
    names = ["_".join(map(str, (f"x{place}", *n))) for n in np.ndindex(jnp.shape(leaf))]
    return np.array([graph.symbol(name) for name in names], np.int32).reshape(jnp.shape(leaf))


def _nodes(graph: Graph, value: object) -> Nodes:
    """Return the nodes of an expression, or of a known array."""
    if isinstance(value, Expression):
        return value.nodes
    known = np.asarray(value)
    return spread(graph.truth if known.dtype == bool else graph.number, known)


def _run(graph: Graph, program: Program, operands: Sequence[_Value], caller: str) -> _Values:
    def visit(eqn: JaxprEqn, operands: _Values, line: str) -> _Values:
        return _results(graph, eqn, operands, line)

    return interpret(program, operands, visit, lift=by_content(jnp.asarray), caller=caller)


def _results(graph: Graph, eqn: JaxprEqn, operands: _Values, line: str) -> _Values:
    name, symbolic = kind(eqn), [isinstance(operand, Expression) for operand in operands]
    if not any(symbolic):
        return bind(eqn, operands)
    if name in _CONTROL:
        return _CONTROL[name](graph, eqn, operands, line)
    what = without_formula(eqn, symbolic)
    if what:
        raise _unsupported(what, line)
    if moves(eqn, symbolic):
        where = index_places(eqn)
        data = [x if place in where else _nodes(graph, x) for place, x in enumerate(operands)]
        return _moved(graph, eqn, data)
    reader = PRIMITIVES[name].read
    assert reader is not None  # or `without_formula` would have said so
    results = reader(graph, eqn, [_nodes(graph, operand) for operand in operands])
    return [Expression(nodes) for nodes in (results if isinstance(results, list) else [results])]


def _unsupported(what: str, line: str) -> UnsupportedError:
    return UnsupportedError(f"{what} has no expression here{f', at {line}' if line else ''}")


def _moved(graph: Graph, eqn: JaxprEqn, operands: Sequence[object]) -> _Values:
    """Run a move on nodes: beyond an array's end it gives -1, which becomes the filling's node."""
    if "fill_value" not in eqn.params:
        return [Expression(np.asarray(result)) for result in bind(eqn, operands)]
    (result,) = bind(eqn, operands, fill_value=-1)
    filling = eqn.params["fill_value"]
    node = graph.number(np.nan if filling is None else filling)
    return [Expression(np.where(np.asarray(result) < 0, node, result))]


def _scan(graph: Graph, eqn: JaxprEqn, operands: _Values, line: str) -> _Values:
    """Unroll a scan."""

    def turn(body: Program, inputs: _Values, place: int) -> _Values:
        del place
        return _run(graph, body, inputs, line)

    stacked = partial(_stacked, graph)
    return turn_by_turn(eqn, operands, turn, row=_row, stacked=stacked)


def _row(value: _Value, place: int) -> _Value:
    return Expression(value.nodes[place]) if isinstance(value, Expression) else value[place]


def _stacked(graph: Graph, values: _Values, atom: Atom) -> _Value:
    if not values:
        return jnp.zeros(shape(atom), dtype(atom))
    if any(isinstance(value, Expression) for value in values):
        return Expression(np.stack([_nodes(graph, value) for value in values]))
    return jnp.stack([value for value in values if not isinstance(value, Expression)])


def _cond(graph: Graph, eqn: JaxprEqn, operands: _Values, line: str) -> _Values:
    """Read the branch that is taken if that is known, else a choice between all of them."""
    which, branches = operands[0], eqn.params["branches"]
    if not isinstance(which, Expression):
        return _run(graph, branches[branch_taken(eqn, which)], operands[1:], line)
    sides = [_run(graph, branch, operands[1:], line) for branch in branches]
    return [
        Expression(chosen(graph, which.nodes, [_nodes(graph, side) for side in column]))
        for column in zip(*sides, strict=True)
    ]


def _while(graph: Graph, eqn: JaxprEqn, operands: _Values, line: str) -> _Values:
    """Unroll a loop, if the number of its steps depends on no float of the inputs."""
    tested, consts, carry = of_while(eqn, operands)
    while True:
        (more,) = _run(graph, eqn.params["cond_jaxpr"], [*tested, *carry], line)
        if isinstance(more, Expression):
            raise _unsupported("`while` of a number of steps that depends on the inputs", line)
        if not more:
            return carry
        carry = _run(graph, eqn.params["body_jaxpr"], [*consts, *carry], line)


_CONTROL: dict[str, Callable[[Graph, JaxprEqn, _Values, str], _Values]] = {
    "cond": _cond,
    "scan": _scan,
    "while": _while,
}
