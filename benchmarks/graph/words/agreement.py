"""Whether the numbers of a graph agree with a well-known custom rule.

A user's own function may be called `relu` and have another derivative: no rule is told of it that
is not its own.
"""

import numpy as np

from ..parts import Node
from ..record import Graph
from . import symbols
from .local import values_of
from .rule_table import Rule


def agrees(graph: Graph, node: Node, rule: Rule) -> bool:
    """Whether what a node hands back is what a rule of numbers says; `True` if it is not known."""
    adjoint = node.results[0].adjoint if node.results else None
    names = values_of(graph, node)
    if adjoint is None or adjoint.pooled or names is None:
        return True
    for back, operand in zip(rule.back, node.operands, strict=False):
        if operand.adjoint is not None and not operand.adjoint.pooled:
            with np.errstate(all="ignore"):
                wanted = adjoint.array * symbols.computed(back, names)
            if not _close(wanted, operand.adjoint.array):
                return False
    return True


def _close(wanted: np.ndarray, given: np.ndarray) -> bool:
    """Whether two arrays are one but for the rounding of a short type."""
    if wanted.shape != given.shape:
        return False
    most = np.max(np.abs(given), initial=0.0)
    return bool(np.allclose(wanted, given, rtol=1e-2, atol=1e-3 * most, equal_nan=True))
