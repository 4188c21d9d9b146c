"""What is said of a node beside its numbers: its type, its operations, what it keeps."""

from collections.abc import Iterable

from ...program.count import Flops
from ...program.residuals import Residual
from ..parts import Node, Result
from ..words.rules import label as label_of
from .amounts import counted, storage


def about(node: Node, result: Result | None) -> tuple[str, ...]:
    """Return what is to be known of a node, a line each; its numbers are not among it."""
    lines = [label_of(node) + (f", {node.name}" if node.name else "")]
    if result is not None:
        lines.append(type_of(result))
    lines += [flops_in_short(node.flops), *_kept(node.kept), node.source, node.note]
    return tuple(filter(None, lines))


def _kept(residuals: Iterable[Residual]) -> list[str]:
    return [
        f"kept for the way back: {storage(r.bytes)}, {r.what} {type_of(r)}"
        + ("" if r.storage == "new" else f" (there anyway: {r.storage})")
        for r in residuals
    ]


def type_of(array: Result | Residual) -> str:
    """Write the type of an array: `float32[2,3]`."""
    return f"{array.dtype}[{','.join(map(str, array.shape))}]"


def flops_of(members: Iterable[Node], loop: Node | None) -> Flops:
    """Return the operations of a closed group; those of a loop are of all its turns."""
    if loop is not None:
        return loop.flops
    members = list(members)
    bodies = {node.id for node in members if node.kind in ("loop", "branch")}
    return sum((n.flops for n in members if n.body_of not in bodies), Flops())


def flops_in_short(flops: Flops) -> str:
    """Write operations in a few letters; `""` for none.

    Example:
        >>> flops_in_short(Flops(low=480, mean=480, high=480))
        '480 FLOPs'
        >>> flops_in_short(Flops(low=1, mean=2, high=3)), flops_in_short(Flops())
        ('1 to 3 FLOPs', '')
    """
    if flops.unknown:
        return f"≥ {flops.low:,} FLOPs"
    if flops.low != flops.high:
        return f"{flops.low:,} to {flops.high:,} FLOPs"
    return counted(flops.high, "FLOP") if flops.high else ""
