"""The derivative of an operation of numbers by its operand, at the values in a graph."""

from typing import Any

import numpy as np

from ..parts import Node
from ..record import Graph
from . import symbols
from .naming import literals_of, positions, result_of
from .rule_table import Rule


def values_of(graph: Graph, node: Node) -> dict[str, Any] | None:
    """Return the numbers that the names in a rule stand for; `None` if they are not all there."""
    result = node.results[0].value if node.results else None
    if result is None or result.pooled:
        return None
    names = {**FUNCTIONS, "y": _as_float(result.array)}
    edges = iter(node.operands)
    for letter, literal in zip("abc", literals_of(node), strict=False):
        if literal is not None:
            names[letter] = literal
            continue
        made = result_of(graph, next(edges))
        if made is None or made.value is None or made.value.pooled:
            return None
        names[letter] = _as_float(made.value.array)
    return names


def slope(graph: Graph, node: Node, rule: Rule | None) -> np.ndarray | None:
    """Return the derivative of an operation by its only operand, at each place, by its rule.

    `None` where it is no operation of numbers on one operand, or its numbers are not there.

    Example:
        >>> from benchmarks.graph.example import EXAMPLE
        >>> from benchmarks.graph.words.rule_table import RULES
        >>> p = EXAMPLE.nodes[5]
        >>> float(slope(EXAMPLE, p, RULES[p.operation]).round(4))  # p (1 - p)
        0.2494
    """
    if rule is None or not rule.numbers or len(node.operands) != 1:
        return None
    names = values_of(graph, node)
    if names is None:
        return None
    with np.errstate(all="ignore"):
        found = symbols.computed(rule.back[positions(node)[0]], names)
    return np.broadcast_to(np.asarray(found, float), names["y"].shape)


def _as_float(array: np.ndarray) -> np.ndarray:
    """Return numbers in a type in which their products do not overflow before they should."""
    return array if array.dtype.kind == "c" else array.astype(np.float64)


def _logistic(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


#: The functions in the rules of activations and of custom rules.
FUNCTIONS: dict[str, Any] = {
    "between": lambda a, b, c: (a < b) & (b < c),
    "exp": np.exp,
    "larger": lambda a, b: (a > b) + (a == b) / 2,
    "smaller": lambda a, b: (a < b) + (a == b) / 2,
    "sqrt": np.sqrt,
    "π": np.pi,
    "σ": _logistic,
}
