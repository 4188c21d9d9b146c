"""What can be laid over a graph: a number and a short text for each node that it says something of.

The time of a closed layer is none of them: a layer that is compiled alone is another program than
the one that XLA fuses with its neighbours, so no honest figure of it adds up to the whole.
"""

from collections.abc import Callable, Iterator

import numpy as np

from ..derivatives.choice import unknown
from .layout.nesting import Nesting
from .parts import Node, Quantity
from .record import Graph
from .words.boxes import members
from .words.figures import entry
from .words.local import slope
from .words.naming import is_operation, result_of
from .words.rules import rule_of

#: For a node's id a number, and what is written beside it.
Overlay = dict[int, tuple[float, str]]

#: A unit whose derivative is smaller lets hardly anything pass.
FLAT = 0.01
#: The operations that saturate; `max` and `min` do so against a number.
_ACTIVATIONS = ("clamp", "erf", "logistic", "max", "min", "relu", "relu6", "sigmoid")
_ACTIVATIONS += ("silu", "softplus", "tanh")


def overlay(graph: Graph, name: str) -> Overlay:
    """Return what an overlay says of the nodes of a graph, by their ids.

    Args:
        graph: The graph.
        name: `"kept"`, the bytes that reverse mode keeps of a node; `"flops"`; `"saturation"`, the
            share of entries at which the derivative of an activation is below 0.01; `"zeros"`, the
            share of a value's entries that are 0, and of the adjoint's; `"not finite"`, how many
            entries are NaN or infinite of what a node makes, or hands back, out of finite numbers;
            or `"digits"`, how many digits are lost against the same program in float64.

    Raises:
        ValueError: If there is no such overlay, or it cannot be told of this graph.

    Example:
        >>> from benchmarks.graph.example import EXAMPLE
        >>> overlay(EXAMPLE, "kept")
        {5: (8.0, 'keeps 8 B')}
        >>> overlay(EXAMPLE, "saturation")
        {5: (0.0, "0 % saturated: |f'| < 0.01")}
    """
    if name not in OVERLAYS:
        raise ValueError(unknown("overlay", name, OVERLAYS))
    return OVERLAYS[name](graph)


def for_page(graph: Graph) -> dict[str, dict[str, tuple[float, str]]]:
    """Return the overlays that a page has beside costs: by box a tint from 0 to 1, and a text.

    A closed group is tinted like the strongest of its nodes.

    Example:
        >>> from benchmarks.graph.example import EXAMPLE
        >>> for_page(EXAMPLE)["saturation"]
        {'n5': (0.0, "0 % saturated: |f'| < 0.01")}
    """
    found = {name: overlay(graph, name) for name in ("saturation", "zeros", "not finite")}
    # Where there are no zeros nothing is said, so that a page is no larger than it need be.
    found["zeros"] = {node: mark for node, mark in found["zeros"].items() if mark[0]}
    return {name: _by_box(graph, marks) for name, marks in found.items() if marks}


def _by_box(graph: Graph, marks: Overlay) -> dict[str, tuple[float, str]]:
    most = max([1.0, *(number for number, _ in marks.values())])
    tints = {node: (round(number / most, 2), text) for node, (number, text) in marks.items()}
    boxes = {f"n{node}": tint for node, tint in tints.items()}
    nesting = Nesting(graph)
    for group in graph.groups:
        inside = [tints[node.id] for node in members(nesting, group) if node.id in tints]
        if inside:
            tint, text = max(inside)
            boxes[f"g{group.id}"] = (tint, f"up to {text}" if len(inside) > 1 else text)
    return boxes


def _kept(graph: Graph) -> Overlay:
    sums = {node.id: sum(residual.bytes for residual in node.kept) for node in graph.nodes}
    return {node: (float(count), f"keeps {count:,} B") for node, count in sums.items() if count}


def _flops(graph: Graph) -> Overlay:
    counts = {node.id: node.flops for node in graph.nodes if is_operation(node)}
    return {
        node: (flops.mean, f"{flops} FLOPs")
        for node, flops in counts.items()
        if flops.high or flops.unknown
    }


def _saturation(graph: Graph) -> Overlay:
    found: Overlay = {}
    for node in graph.nodes:
        rule = rule_of(graph, node) if node.operation in _ACTIVATIONS else None
        slopes = slope(graph, node, rule)
        if slopes is not None and slopes.size:
            share = float(np.mean(np.abs(slopes) < FLAT))
            found[node.id] = (share, f"{_percent(share)} saturated: |f'| < {FLAT}")
    return found


def _zeros(graph: Graph) -> Overlay:
    found: Overlay = {}
    for node in graph.nodes:
        made = node.results[0] if node.results else None
        value = _share_of_zeros(made.value) if made else None
        adjoint = _share_of_zeros(made.adjoint) if made else None
        parts = {"value": value, "adjoint": adjoint}
        told = [(share, part) for part, share in parts.items() if share is not None]
        told.sort(key=lambda both: -both[0])  # what there are more of first
        texts = [f"{_percent(share)} of the {part} 0" for share, part in told]
        if texts:
            found[node.id] = (max(value or 0.0, adjoint or 0.0), ", ".join(texts))
    return found


def _share_of_zeros(quantity: Quantity | None) -> float | None:
    """Return the share; `None` where the entries are not there, or are none that can be sparse."""
    if quantity is None or quantity.pooled or quantity.array.size < 2:
        return None
    return float(np.mean(quantity.array == 0))


def _not_finite(graph: Graph) -> Overlay:
    """Find where a NaN or an infinity is made: out of numbers that are finite."""
    found: Overlay = {}
    for node in graph.nodes:
        texts = [*_made_here(graph, node), *_handed_back_here(graph, node)]
        if texts:
            found[node.id] = (1.0, "; ".join(texts))
    return found


def _made_here(graph: Graph, node: Node) -> Iterator[str]:
    broken = [text for result in node.results if (text := _broken(result.value))]
    if broken and not any(map(_broken, _taken(graph, node))):
        yield f"{'makes' if is_operation(node) else 'holds'} {broken[0]}"


def _handed_back_here(graph: Graph, node: Node) -> Iterator[str]:
    own = [quantity for result in node.results for quantity in (result.value, result.adjoint)]
    if any(map(_broken, [*own, *_taken(graph, node)])):
        return
    for operand in node.operands:
        broken = _broken(operand.adjoint)
        if broken:
            source = graph.nodes[operand.node]
            yield f"hands {broken} back to {source.name or source.operation}"


def _taken(graph: Graph, node: Node) -> list[Quantity | None]:
    """Return the values that a node takes."""
    edges = (result_of(graph, operand) for operand in node.operands)
    return [made.value for made in edges if made is not None]


def _broken(quantity: Quantity | None) -> str:
    """Say how many entries are no finite numbers; `""` where all are."""
    if quantity is None or quantity.array.dtype.kind not in "fc":
        return ""
    array = quantity.array
    bad = array[~np.isfinite(array)]
    if not bad.size:
        return ""
    worst = np.nan if np.isnan(bad).any() else np.abs(bad[0])
    count = "" if quantity.pooled or array.ndim == 0 else f"{bad.size:,} of {array.size:,} "
    return f"{count}{entry(worst)}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _digits(graph: Graph) -> Overlay:
    from .digits import digits_lost  # which runs the function

    return digits_lost(graph)


#: What finds each overlay.
OVERLAYS: dict[str, Callable[[Graph], Overlay]] = {
    "kept": _kept,
    "flops": _flops,
    "saturation": _saturation,
    "zeros": _zeros,
    "not finite": _not_finite,
    "digits": _digits,
}
