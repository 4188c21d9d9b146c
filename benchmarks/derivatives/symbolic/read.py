"""Reading a JAX function's program into a graph of expressions."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn, Literal

from ...program.jaxpr import (
    called,
    constants,
    dtype,
    kind,
    opened,
    scan_parts,
    shape,
    source,
    trace,
)
from .graph import Graph
from .primitives import MOVES, READERS, Nodes, chosen, places, refused, spread


class UnsupportedError(Exception):
    """An operation that has no expression here; the message names it and the user's line."""


class Expression(NamedTuple):
    """An array of nodes. Any other value is known: a number that no input of floats reaches."""

    nodes: Nodes


class Reading(NamedTuple):
    """A program read into a graph.

    Attributes:
        symbols: An array of nodes for each leaf of floats among the inputs; `None` for the others.
        outputs: An array of nodes for each leaf of the output.
        structure: The output's structure.
    """

    symbols: list[Nodes | None]
    outputs: list[Nodes]
    structure: Any


def read(graph: Graph, fn: Callable[..., Any], *inputs: Any) -> Reading:
    """Reads `fn` at `inputs` into `graph`; every float of the inputs becomes a symbol.

    Integers, truths and keys among the inputs are read as the numbers that they are, and so are
    arrays that the function closes over. Loops are unrolled. A symbol is a finite number, so that
    `isfinite` is true.

    Raises:
        UnsupportedError: If the function has an operation that is not known here.
        StoppedError: If the graph grows beyond its limit.
    """
    leaves = jax.tree.leaves(inputs)
    symbols = [_symbols(graph, place, leaf) for place, leaf in enumerate(leaves)]
    program, consts = trace(fn, *inputs)
    operands = [
        jnp.asarray(leaf) if nodes is None else Expression(nodes)
        for leaf, nodes in zip(leaves, symbols, strict=True)
    ]
    outputs = _run(graph, program, consts, operands, "")
    structure = jax.tree.structure(jax.eval_shape(fn, *inputs))
    return Reading(symbols, [_nodes(graph, output) for output in outputs], structure)


def _symbols(graph: Graph, place: int, leaf: Any) -> Nodes | None:
    if not jnp.issubdtype(jnp.result_type(leaf), jnp.floating):
        return None
    names = ["_".join(map(str, (f"x{place}", *n))) for n in np.ndindex(jnp.shape(leaf))]
    return np.array([graph.symbol(name) for name in names], np.int32).reshape(jnp.shape(leaf))


def _nodes(graph: Graph, value: Any) -> Nodes:
    """The nodes of an expression, or of a known array."""
    if isinstance(value, Expression):
        return value.nodes
    known = np.asarray(value)
    return spread(graph.truth if known.dtype == bool else graph.number, known)


def _run(
    graph: Graph, program: Any, consts: Sequence[Any], operands: Sequence[Any], caller: str
) -> list[Any]:
    known = dict(zip(program.constvars, consts, strict=True))
    known |= dict(zip(program.invars, operands, strict=True))

    def values(atoms: Sequence[Any]) -> list[Any]:
        return [atom.val if isinstance(atom, Literal) else known[atom] for atom in atoms]

    for eqn in program.eqns:
        line, call = source(eqn, caller), called(eqn)
        if call is not None:
            results = _inner(graph, call[0], values(call[1]), line)
        else:
            results = _results(graph, eqn, values(eqn.invars), line)
        known |= dict(zip(eqn.outvars, results, strict=True))
    return values(program.outvars)


def _inner(graph: Graph, jaxpr: Any, operands: Sequence[Any], line: str) -> list[Any]:
    return _run(graph, opened(jaxpr), constants(jaxpr), operands, line)


def _results(graph: Graph, eqn: JaxprEqn, operands: list[Any], line: str) -> list[Any]:
    name = kind(eqn)
    if not any(isinstance(operand, Expression) for operand in operands):
        return _evaluated(eqn, operands)
    if name in _CONTROL:
        return _CONTROL[name](graph, eqn, operands, line)
    what = refused(eqn, [isinstance(operand, Expression) for operand in operands])
    if what:
        raise _unsupported(what, line)
    where = places(name, len(operands))
    if name in MOVES and not any(isinstance(operands[place], Expression) for place in where):
        data = [x if place in where else _nodes(graph, x) for place, x in enumerate(operands)]
        return _moved(graph, eqn, data)
    result = READERS[name](graph, eqn, [_nodes(graph, operand) for operand in operands])
    return [Expression(nodes) for nodes in (result if isinstance(result, list) else [result])]


def _unsupported(what: str, line: str) -> UnsupportedError:
    return UnsupportedError(f"{what} has no expression here{f', at {line}' if line else ''}")


def _evaluated(eqn: JaxprEqn, operands: Sequence[Any], **changed: Any) -> list[Any]:
    """The operation on known arrays, by JAX."""
    params = eqn.primitive.get_bind_params(eqn.params) | changed
    with eqn.ctx.manager:
        result = eqn.primitive.bind(*operands, **params)
    return list(result) if eqn.primitive.multiple_results else [result]


def _moved(graph: Graph, eqn: JaxprEqn, operands: Sequence[Any]) -> list[Any]:
    """What a move makes of nodes; beyond an array's end stands -1, and then its filling."""
    if "fill_value" not in eqn.params:
        return [Expression(np.asarray(result)) for result in _evaluated(eqn, operands)]
    (result,) = _evaluated(eqn, operands, fill_value=-1)
    filling = eqn.params["fill_value"]
    node = graph.number(np.nan if filling is None else filling)
    return [Expression(np.where(np.asarray(result) < 0, node, result))]


def _scan(graph: Graph, eqn: JaxprEqn, operands: list[Any], line: str) -> list[Any]:
    fixed, carries, _, _ = scan_parts(eqn)
    length, body = eqn.params["length"], eqn.params["jaxpr"]
    consts, carry = operands[:fixed], operands[fixed : fixed + carries]
    steps: list[list[Any]] = []
    for step in reversed(range(length)) if eqn.params["reverse"] else range(length):
        slices = [_step(x, step) for x in operands[fixed + carries :]]
        results = _inner(graph, body, [*consts, *carry, *slices], line)
        carry = results[:carries]
        steps.append(results[carries:])
    if eqn.params["reverse"]:
        steps.reverse()
    stacked = [_stacked(graph, list(column)) for column in zip(*steps, strict=True)]
    if not steps:
        stacked = [jnp.zeros(shape(v), dtype(v)) for v in eqn.outvars[carries:]]
    return [*carry, *stacked]


def _step(value: Any, step: int) -> Any:
    return Expression(value.nodes[step]) if isinstance(value, Expression) else value[step]


def _stacked(graph: Graph, values: list[Any]) -> Any:
    if any(isinstance(value, Expression) for value in values):
        return Expression(np.stack([_nodes(graph, value) for value in values]))
    return jnp.stack(values)


def _cond(graph: Graph, eqn: JaxprEqn, operands: list[Any], line: str) -> list[Any]:
    """The branch that is taken if that is known, else a choice between all of them."""
    which, branches = operands[0], eqn.params["branches"]
    if not isinstance(which, Expression):
        taken = branches[int(np.clip(which, 0, len(branches) - 1))]
        return _inner(graph, taken, operands[1:], line)
    sides = [_inner(graph, branch, operands[1:], line) for branch in branches]
    return [
        Expression(chosen(graph, which.nodes, [_nodes(graph, side) for side in column]))
        for column in zip(*sides, strict=True)
    ]


def _while(graph: Graph, eqn: JaxprEqn, operands: list[Any], line: str) -> list[Any]:
    """Unrolled, if the number of steps depends on no float of the inputs."""
    skip, fixed = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    tested, consts = operands[:skip], operands[skip : skip + fixed]
    carry = operands[skip + fixed :]
    while True:
        (more,) = _inner(graph, eqn.params["cond_jaxpr"], [*tested, *carry], line)
        if isinstance(more, Expression):
            raise _unsupported("`while` of a number of steps that depends on the inputs", line)
        if not more:
            return carry
        carry = _inner(graph, eqn.params["body_jaxpr"], [*consts, *carry], line)


_CONTROL: dict[str, Callable[[Graph, JaxprEqn, list[Any], str], list[Any]]] = {
    "cond": _cond,
    "scan": _scan,
    "while": _while,
}
