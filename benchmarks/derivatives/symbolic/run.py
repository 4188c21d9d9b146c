"""Compile a graph to a loop whose step runs one row of equal, independent operations."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import special

from .graph import LEAVES, Graph

_Operation = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]

_UNARY: dict[str, Callable[[jax.Array], jax.Array]] = {
    "abs": jnp.abs,
    "acos": jnp.arccos,
    "acosh": jnp.arccosh,
    "asin": jnp.arcsin,
    "asinh": jnp.arcsinh,
    "atan": jnp.arctan,
    "atanh": jnp.arctanh,
    "cbrt": jnp.cbrt,
    "ceil": jnp.ceil,
    "cos": jnp.cos,
    "cosh": jnp.cosh,
    "digamma": special.digamma,
    "erf": special.erf,
    "erf_inv": special.erfinv,
    "erfc": special.erfc,
    "exp": jnp.exp,
    "exp2": jnp.exp2,
    "expm1": jnp.expm1,
    "floor": jnp.floor,
    "lgamma": special.gammaln,
    "log": jnp.log,
    "log1p": jnp.log1p,
    "log2": jnp.log2,
    "neg": jnp.negative,
    "not": lambda a: 1 - a,
    "sign": jnp.sign,
    "sin": jnp.sin,
    "sinh": jnp.sinh,
    "sqrt": jnp.sqrt,
    "square": jnp.square,
    "stop": lambda a: a,
    "tan": jnp.tan,
    "tanh": jnp.tanh,
}
_BINARY: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
    "add": jnp.add,
    "and": jnp.multiply,
    "atan2": jnp.arctan2,
    "div": jnp.divide,
    "eq": lambda a, b: jnp.equal(a, b).astype(a.dtype),
    "le": lambda a, b: jnp.less_equal(a, b).astype(a.dtype),
    "lt": lambda a, b: jnp.less(a, b).astype(a.dtype),
    "max": jnp.maximum,
    "min": jnp.minimum,
    "mul": jnp.multiply,
    "ne": lambda a, b: jnp.not_equal(a, b).astype(a.dtype),
    "or": jnp.maximum,
    "polygamma": jax.lax.polygamma,
    "pow": jnp.power,
    "sub": jnp.subtract,
}
# What a row costs on top of its elements, counted in elements: a step of the loop.
_ROW = 64


class _Layout(NamedTuple):
    """Where everything stands in the memory of a program.

    Attributes:
        constants: The values after the symbols.
        codes: The operation of each row `[rows]`.
        operands: Where its operands stand `[rows, 3, width]`.
        position: Where each node stands.
        names: The operations, by code.
    """

    constants: list[float]
    codes: np.ndarray
    operands: np.ndarray
    position: dict[int, int]
    names: list[str]


def runner(
    graph: Graph, symbols: Sequence[int], roots: Sequence[int]
) -> Callable[[jax.Array], jax.Array]:
    """Return a JAX function from the symbols' values `[symbols]` to the roots' `[roots]`.

    Operations of one kind that do not wait for one another form a row. The rows are data, which
    one loop runs through, so that the time to compile does not grow with the expression: XLA takes
    15 s of CPU time for straight-line code of 1,000 scalar operations. A subexpression is computed
    once.
    """
    layout = _layout(graph, symbols, roots)
    rows, _, width = layout.operands.shape
    first = len(symbols) + len(layout.constants)
    wanted = np.array([layout.position[root] for root in roots], np.int32)
    starts = first + width * np.arange(rows, dtype=np.int32)
    branches = [_operation(name) for name in layout.names]

    def step(memory: jax.Array, row: tuple) -> tuple[jax.Array, None]:
        code, operands, start = row
        result = jax.lax.switch(code, branches, *memory[operands])
        return jax.lax.dynamic_update_slice(memory, result, (start,)), None

    def run(values: jax.Array) -> jax.Array:
        constants = jnp.asarray(layout.constants, values.dtype)
        memory = jnp.concatenate([values, constants, jnp.zeros(rows * width, values.dtype)])
        if rows:
            memory, _ = jax.lax.scan(step, memory, (layout.codes, layout.operands, starts))
        return memory[wanted]

    return run


def _operation(name: str) -> _Operation:
    if name in _UNARY:
        return lambda a, _b, _c: _UNARY[name](a)
    if name in _BINARY:
        return lambda a, b, _c: _BINARY[name](a, b)
    return lambda a, b, c: jnp.where(a != 0, b, c)


def _layout(graph: Graph, symbols: Sequence[int], roots: Sequence[int]) -> _Layout:
    position = {symbol: place for place, symbol in enumerate(symbols)}
    constants: list[float] = []
    levels: dict[int, int] = defaultdict(int)
    groups: dict[tuple[int, str], list[int]] = defaultdict(list)
    for node in graph.reachable(roots):
        operation = graph.operations[node]
        if operation in LEAVES:
            value = graph.constant(node)
            if value is not None:
                position[node] = len(symbols) + len(constants)
                constants.append(float(value))
            continue
        levels[node] = 1 + max(levels[operand] for operand in graph.operands[node])
        groups[levels[node], operation].append(node)
    return _filled(graph, groups, constants, position, len(symbols) + len(constants))


def _filled(
    graph: Graph,
    groups: dict[tuple[int, str], list[int]],
    constants: list[float],
    position: dict[int, int],
    first: int,
) -> _Layout:
    """Cut the groups into rows of one width, and put every node in its place."""
    width = _width([len(nodes) for nodes in groups.values()])
    names = sorted({operation for _, operation in groups})
    codes, operands = [], []
    for (_, operation), nodes in sorted(groups.items()):
        for start in range(0, len(nodes), width):
            row = np.zeros((3, width), np.int32)
            for place, node in enumerate(nodes[start : start + width]):
                inputs = graph.operands[node]
                row[: len(inputs), place] = [position[operand] for operand in inputs]
                position[node] = first + len(codes) * width + place
            codes.append(names.index(operation))
            operands.append(row)
    stacked = np.stack(operands) if operands else np.zeros((0, 3, width), np.int32)
    return _Layout(constants, np.array(codes, np.int32), stacked, position, names)


def _width(sizes: Sequence[int]) -> int:
    """Return the width at which the rows cost least together."""
    return min(
        (2**power for power in range(13)),
        key=lambda width: sum(-(-size // width) for size in sizes) * (_ROW + width),
    )
