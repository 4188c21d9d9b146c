"""Products of matrices: which factors are transposed, and what each is handed back."""

from collections.abc import Sequence

from ..parts import Node, Result
from ..record import Graph
from .naming import result_of

#: What the two factors `a` and `b` of a product are handed back, by which of them is transposed.
BACK = {
    (False, False): ("ḡ bᵀ", "aᵀ ḡ"),
    (False, True): ("ḡ b", "ḡᵀ a"),
    (True, False): ("b ḡᵀ", "a ḡ"),
    (True, True): ("bᵀ ḡᵀ", "ḡᵀ aᵀ"),
}


def factors(graph: Graph, node: Node, names: Sequence[str]) -> list[str]:
    """Return the names of the factors of a product, with a mark on those that are transposed."""
    bare, turned = _bare(graph, node, names)
    return [f"{name}ᵀ" if mark else name for name, mark in zip(bare, turned, strict=True)]


def handed_to_factor(graph: Graph, node: Node, position: int, names: Sequence[str]) -> str:
    """Return what a factor of a product is handed back."""
    made = [result_of(graph, operand) for operand in node.operands]
    (left, right), turned = _bare(graph, node, names)
    other = right if position == 0 else left
    contracted = dict(node.params).get("contracted")
    several = isinstance(contracted, tuple | list) and len(contracted[0]) != 1
    if several or all(result is not None and len(result.shape) == 1 for result in made):
        return f"ḡ · {other}"
    return BACK[turned][position].replace("b" if position == 0 else "a", other)


def _bare(
    graph: Graph, node: Node, names: Sequence[str]
) -> tuple[tuple[str, str], tuple[bool, bool]]:
    """Return the names of two factors, and which are transposed by the product or on their way."""
    left, right = names
    turned = transposed(graph, node)
    marks = (turned[0] != left.endswith("ᵀ"), turned[1] != right.endswith("ᵀ"))
    return (left.removesuffix("ᵀ"), right.removesuffix("ᵀ")), marks


def transposed(graph: Graph, node: Node) -> tuple[bool, bool]:
    """Return which factors of a product of matrices are transposed in it."""
    contracted = dict(node.params).get("contracted")
    made = [result_of(graph, operand) for operand in node.operands]
    match contracted, made:
        case ((left,), (right,)), [Result() as a, Result() as b]:
            ranks = len(a.shape), len(b.shape)
            return ranks[0] > 1 and left != ranks[0] - 1, ranks[1] > 1 and right == ranks[1] - 1
    return False, False
