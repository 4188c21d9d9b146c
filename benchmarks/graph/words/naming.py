"""How the operands and the result of an operation are called in a formula."""

import itertools
import string
from collections.abc import Sequence
from unicodedata import normalize

from ..parts import Node, Operand, Result
from ..record import Graph
from .figures import entry

_DOT = "\u0307"
#: Names up to this length stand in a formula; for longer ones there are letters.
_LONGEST = 14


def letters(graph: Graph, node: Node) -> list[str]:
    """Return how each operand of the primitive is called: by its name, a number, or a letter.

    No letter is a name of the user's anywhere in the graph, large or small.

    Example:
        >>> from benchmarks.graph.parts import Node, Operand
        >>> from benchmarks.graph.record import Graph
        >>> x = Node(id=0, kind="input", operation="x", name="x")
        >>> half = Node(
        ...     id=1, kind="operation", operation="mul", literals=(None, 0.5),
        ...     operands=(Operand(node=0),),
        ... )
        >>> letters(Graph(title="half", nodes=(x, half)), half)
        ['x', '0.5']
    """
    every = itertools.chain(string.ascii_lowercase, (f"v{number}" for number in itertools.count(1)))
    free = (letter for letter in every if not {letter, letter.upper()} & graph.names)
    found: dict[tuple[int, int], str] = {}
    for operand in node.operands:
        edge = operand.node, operand.result
        if edge not in found:
            found[edge] = _short_name(graph, operand) or _letter(graph, operand, next(free))
    named = (_on_the_way(operand, found[operand.node, operand.result]) for operand in node.operands)
    return [next(named) if v is None else written_literal(v) for v in literals_of(node)]


def _on_the_way(operand: Operand, name: str) -> str:
    """Return what arrives of an operand, if an edge changes more than its shape."""
    turned = f"{name}ᵀ" if "transpose" in operand.notes else name
    return f"stop({turned})" if "stop_gradient" in operand.notes else turned


def dotted(name: str) -> str:
    """Return the tangent of a name: one letter gets a dot, a word gets it behind its brackets.

    Example:
        >>> dotted("a"), dotted("w1"), dotted("loss")
        ('ȧ', 'ẇ1', '(loss)˙')
    """
    first, rest = name[:1], name[1:]
    if first.isalpha() and not rest.strip("0123456789_′ᵀ₀₁₂₃₄₅₆₇₈₉"):
        return normalize("NFC", first + _DOT) + rest
    return f"({name})˙"


def result_name(graph: Graph, node: Node, operands: Sequence[str]) -> str:
    """Return how the result of a node is called among these operands: by its name, or a letter.

    Example:
        >>> exp = Node(id=0, kind="operation", operation="exp")
        >>> result_name(Graph(title="f", nodes=(exp,)), exp, ["y"])
        'z'
    """
    if 0 < len(node.name) <= _LONGEST and node.name not in operands:
        return node.name
    every = itertools.chain("yzruvst", (f"y{number}" for number in itertools.count(1)))
    return next(name for name in every if name not in operands and name not in graph.names)


def is_operation(node: Node) -> bool:
    """Whether a node computes something; inputs and constants do not."""
    return node.kind in ("operation", "loop", "branch")


def has_derivative(graph: Graph, node: Node, place: int) -> bool:
    """Whether a derivative passes between a node and one of its operands.

    Where the graph has the numbers they say it; else the kinds and types of both do.
    """
    operand = node.operands[place]
    if node.results and node.results[0].adjoint is not None:
        return operand.adjoint is not None
    source = graph.nodes[operand.node]
    if source.kind in ("constant", "fixed") or "stop_gradient" in operand.notes:
        return False
    made = result_of(graph, operand)
    return made is None or made.dtype.startswith(("float", "bfloat", "complex"))


def literals_of(node: Node) -> Sequence[float | None]:
    """Return the number of each operand of the primitive; `None` for one that is an edge."""
    return node.literals or (None,) * len(node.operands)


def positions(node: Node) -> list[int]:
    """Return which operand of the primitive each edge is."""
    return [place for place, literal in enumerate(literals_of(node)) if literal is None]


def _short_name(graph: Graph, operand: Operand) -> str:
    node = graph.nodes[operand.node]
    return node.name if len(node.name) <= _LONGEST and operand.result == 0 else ""


def _letter(graph: Graph, operand: Operand, letter: str) -> str:
    """Return a letter for an operand without a name; a matrix has a capital one."""
    made = result_of(graph, operand)
    return letter.upper() if made is not None and len(made.shape) > 1 else letter


def result_of(graph: Graph, operand: Operand) -> Result | None:
    """Return the array that an edge carries, if the graph says which it is."""
    made = graph.nodes[operand.node].results
    return made[operand.result] if operand.result < len(made) else None


def written_literal(value: complex | bool) -> str:
    """Write a number that stands in the program, a negative one in brackets."""
    text = entry(value)
    return f"({text})" if text.startswith("−") or isinstance(value, complex) else text
