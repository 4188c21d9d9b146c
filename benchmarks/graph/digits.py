"""Where digits are lost: a graph beside the same graph in float64, node by node."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from ..check.float64 import checking
from ..program.inputs import sort_inputs
from ..program.wide_values import wide
from ..program.widening import widened
from .build import graph
from .parts import Node, Quantity
from .reading.trace import traced
from .record import Graph
from .subject import Subject


def digits_lost(narrow: Graph) -> dict[int, tuple[float, str]]:
    """Return how many decimal digits each node has lost, of its value and of its adjoint.

    That is how often its relative error, by the largest entry, is ten times that of rounding once.

    Args:
        narrow: A graph that knows its function.

    Raises:
        ValueError: If it does not, or holds no numbers, or the same program in float64 is made of
            other operations.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import graph
        >>> def cancelled(x):
        ...     return jnp.sqrt(1 + x) - 1
        >>> digits_lost(graph(cancelled, jnp.float32(1e-5)))[3][1]
        'value: 4.4 of 7.2 digits lost'
    """
    exact = in_float64(narrow)
    found = {}
    for node, wider in zip(narrow.nodes, exact.nodes, strict=True):
        lost = {part: digits for part, digits in _lost(node, wider).items() if digits is not None}
        if lost:
            most = max(digits for digits, _ in lost.values())
            texts = [f"{part}: {digits:.1f} of {of:.1f} digits lost"
                     for part, (digits, of) in lost.items() if digits >= 0.05]  # fmt: skip
            found[node.id] = (most, "; ".join(texts) or "no digit lost")
    return found


def in_float64(narrow: Graph) -> Graph:
    """Return the same graph with all floats in float64: its own program, its bits kept.

    Raises:
        ValueError: If that is not possible.
    """
    subject = narrow.subject
    if subject is None:
        raise ValueError(
            "where digits are lost is found by its function, which this graph does not know: it "
            "was read from a file; call gradwise.graph(fn, *inputs)"
        )
    if not any(r.value for node in narrow.nodes for r in node.results):
        raise ValueError("where digits are lost is not told of a graph of shapes: give it arrays")
    exact = _widened(subject)
    if [_form(node) for node in narrow.nodes] != [_form(node) for node in exact.nodes]:
        raise ValueError(
            f"where digits are lost cannot be told of {narrow.title}: its program in float64 is "
            "made of other operations"
        )
    return exact


def _widened(subject: Subject) -> Graph:
    found = traced(subject.fn, sort_inputs(subject.inputs, subject.argnums))
    run = widened(found.program)

    def fn(x: tuple, fixed: tuple) -> list:
        return run(*x, *fixed)

    with checking():
        leaves = jax.tree.leaves(subject.cotangent, is_leaf=lambda leaf: leaf is None)
        weights = [leaf if leaf is None else wide(jnp.asarray(leaf)) for leaf in leaves]
        x, fixed = (tuple(map(wide, part)) for part in (found.inputs.x, found.inputs.fixed))
        given = None if subject.cotangent is None else weights
        return replace(graph(fn, x, fixed, argnums=0, cotangent=given), subject=None)


def _form(node: Node) -> tuple[object, ...]:
    """Return what two graphs of one program agree in."""
    edges = tuple((operand.node, operand.result) for operand in node.operands)
    return node.kind, edges, tuple(result.shape for result in node.results)


def _lost(node: Node, wider: Node) -> dict[str, tuple[float, float] | None]:
    """Return the digits that the value and the adjoint have lost, and how many there are."""
    if not node.results or not node.results[0].dtype.startswith(("float", "bfloat", "complex")):
        return {}
    made, exact = node.results[0], wider.results[0]
    rounding = float(jnp.finfo(made.dtype).eps) / 2
    pairs = {"value": (made.value, exact.value), "adjoint": (made.adjoint, exact.adjoint)}
    return {part: _digits(got, wanted, rounding) for part, (got, wanted) in pairs.items()}


def _digits(
    got: Quantity | None, wanted: Quantity | None, rounding: float
) -> tuple[float, float] | None:
    if got is None or wanted is None or got.array.shape != wanted.array.shape:
        return None
    most = np.max(np.abs(wanted.array), initial=0.0)
    with np.errstate(all="ignore"):
        error = np.max(np.abs(got.array - wanted.array), initial=0.0)
    available = -np.log10(rounding)
    if not np.isfinite(error) or not np.isfinite(most):
        return None
    relative = error / most if most else (np.inf if error else 0.0)
    lost = np.log10(relative / rounding) if relative > 0 else 0.0
    return float(np.clip(lost, 0.0, available)), float(available)
