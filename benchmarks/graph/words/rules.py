"""What an operation of a graph is called, what it does, and how its derivative goes, in symbols."""

import ast
import math
from collections.abc import Sequence

from ..parts import Node
from ..record import Graph
from . import symbols
from .agreement import agrees
from .naming import (
    dotted,
    has_derivative,
    is_operation,
    letters,
    literals_of,
    positions,
    result_name,
    result_of,
)
from .products import factors, handed_to_factor
from .rule_table import CUSTOM, NOTHING, RULES, Rule
from .spelling import SIGNS, Filled, facts_of, holes_of, parsed, sign_of, told_params, words_for
from .writing import written

_ADJOINT = "ḡ"
#: A longer condition has a letter in a rule.
_LONGEST = 14
#: How a kind of node that is no operation is called, if it has no name.
_KINDS = {"carried": "carried", "slice": "one of each turn", "held": "held"}


def label(node: Node) -> str:
    """Return what a teacher writes into the box of a node.

    Numbers that stand in the program itself stand where the user wrote them.

    Example:
        >>> from benchmarks.graph.parts import Node, Operand
        >>> one = (Operand(node=0),)
        >>> label(Node(id=1, kind="operation", operation="mul", literals=(None, 0.1), operands=one))
        '× 0.1'
        >>> label(Node(id=1, kind="operation", operation="sub", literals=(1.0, None), operands=one))
        '1 −'
        >>> label(Node(id=1, kind="operation", operation="integer_pow", params=(("y", 2),)))
        '( )²'
        >>> label(Node(id=1, kind="operation", operation="logistic"))
        'σ'
    """
    if not is_operation(node):
        return node.name or _KINDS.get(node.kind, node.operation or node.kind)
    rule = _named(node)
    if rule is None:
        return node.operation.lstrip("_") or node.operation
    if rule.sign:
        return rule.sign
    if rule.numbers:
        return sign_of(rule.value, facts_of(node, {}))
    return " ".join(Filled(holes_of(node)).format(rule.value).replace(", ", " ").split())


def formula(graph: Graph, node: Node, names: Sequence[str] | None = None) -> str:
    """Return what a node computes, in the names of what it takes, such as `"w @ x"`.

    Args:
        graph: The graph.
        node: One of its operations.
        names: How to call each operand of the primitive; by default as `letters` does.

    Example:
        >>> from benchmarks.graph.parts import Node, Operand
        >>> from benchmarks.graph.record import Graph
        >>> x = Node(id=0, kind="input", operation="x", name="x")
        >>> root = Node(id=1, kind="operation", operation="sqrt", operands=(Operand(node=0),))
        >>> formula(Graph(title="root", nodes=(x, root)), root)
        '√x'
    """
    names = letters(graph, node) if names is None else names
    return _formula(node, factors(graph, node, names) if _is_product(node) else names)


def handed_back(graph: Graph, node: Node, place: int) -> str:
    """Return what reverse mode hands back to an operand, in symbols; `""` where it is nothing.

    `ḡ` is the adjoint of the node.

    Args:
        graph: The graph.
        node: One of its nodes.
        place: Which of `node.operands`.

    Example:
        >>> from benchmarks.graph.parts import Node, Operand
        >>> from benchmarks.graph.record import Graph
        >>> p = Node(id=0, kind="input", operation="p", name="p")
        >>> log = Node(id=1, kind="operation", operation="log", operands=(Operand(node=0),))
        >>> handed_back(Graph(title="log", nodes=(p, log)), log, 0)
        'ḡ / p'
    """
    if not (is_operation(node) and has_derivative(graph, node, place)):
        return ""
    position, notes = positions(node)[place], node.operands[place].notes
    rule = _handed_back(graph, node, position)
    if "transpose" in notes and not _is_product(node):
        rule = f"({rule})ᵀ" if " " in rule else f"{rule}ᵀ"
    if ("broadcast" in notes or _is_spread(graph, node, place)) and rule not in ("", "0"):
        rule = f"−Σ {rule[1:]}" if rule.startswith("−") else f"Σ {rule}"
    return rule


def _is_spread(graph: Graph, node: Node, place: int) -> bool:
    """Whether an operand of an operation of numbers stands at several places of the result."""
    known, made = _named(node), result_of(graph, node.operands[place])
    if known is None or not known.numbers or made is None or not node.results:
        return False
    return math.prod(made.shape) < math.prod(node.results[0].shape)


def _handed_back(graph: Graph, node: Node, position: int) -> str:
    """Return what is handed back to an operand of the primitive, in that operand's own shape."""
    rule = rule_of(graph, node)
    if rule is None:
        return f"{_ADJOINT} · its derivative"
    back = rule.back[min(position, len(rule.back) - 1)]
    if back == NOTHING:
        return ""
    names = _names(graph, node)
    if rule.numbers:
        derivative = symbols.read(back, facts_of(node, _values(graph, node, names)))
        return written(symbols.product(("name", _ADJOINT), derivative))
    if _is_product(node):
        return handed_to_factor(graph, node, position, names)
    return Filled(words_for(names)).format(back)


def tangent(graph: Graph, node: Node) -> str:
    """Return the tangent of a node, in symbols; `""` where there is none.

    Example:
        >>> from benchmarks.graph.parts import Node, Operand
        >>> from benchmarks.graph.record import Graph
        >>> a = Node(id=0, kind="input", operation="a", name="a")
        >>> sine = Node(id=1, kind="operation", operation="sin", operands=(Operand(node=0),))
        >>> tangent(Graph(title="sine", nodes=(a, sine)), sine)
        'ȧ · cos a'
    """
    moving = [p for place, p in enumerate(positions(node)) if has_derivative(graph, node, place)]
    rule = rule_of(graph, node)
    if not moving or not is_operation(node):
        return ""
    names = _names(graph, node)
    if rule is None:
        return " + ".join(f"{dotted(names[p])} · its derivative" for p in moving)
    if rule.numbers:
        return _tangent_of_numbers(graph, node, rule, moving, names)
    if rule.forward == NOTHING:
        return ""
    if rule.forward:
        return Filled(words_for(names)).format(rule.forward)
    if rule.factors:
        moved = [[dotted(n) if p == q else n for q, n in enumerate(names)] for p in moving]
        return " + ".join(formula(graph, node, each) for each in moved)
    return _formula(node, [dotted(name) if p in moving else "0" for p, name in enumerate(names)])


def rule_of(graph: Graph, node: Node) -> Rule | None:
    """Return the rule of a node, if it is known; of a custom one only if the numbers agree."""
    if node.operation in RULES:
        return RULES[node.operation]
    rule = CUSTOM.get(node.operation)
    return rule if rule is not None and agrees(graph, node, rule) else None


def _is_product(node: Node) -> bool:
    return node.operation == "dot_general"


def _names(graph: Graph, node: Node) -> list[str]:
    """Return the names of the operands in a rule; a condition without one is written out."""
    names = letters(graph, node)
    for place, operand in zip(positions(node), node.operands, strict=True):
        source, made = graph.nodes[operand.node], result_of(graph, operand)
        condition = made is not None and made.dtype == "bool" and not source.name
        if condition and is_operation(source):
            told = formula(graph, source)
            names[place] = told if len(told) <= _LONGEST else names[place]
    return names


def _named(node: Node) -> Rule | None:
    return RULES.get(node.operation) or CUSTOM.get(node.operation)


def _values(graph: Graph, node: Node, names: Sequence[str]) -> dict[str, float | str]:
    """Return the names of the operands that are no numbers, and of the result."""
    found: dict[str, float | str] = {}
    for letter, literal, name in zip("abc", literals_of(node), names, strict=False):
        if literal is None:
            found[letter] = name
    found["y"] = result_name(graph, node, names)
    return found


def _tangent_of_numbers(
    graph: Graph, node: Node, rule: Rule, moving: Sequence[int], names: Sequence[str]
) -> str:
    facts = facts_of(node, _values(graph, node, names))
    total = symbols.ZERO
    for position in moving:
        back = rule.back[min(position, len(rule.back) - 1)]
        if back != NOTHING:
            derivative = symbols.read(back, facts)
            term = symbols.product(("name", dotted(names[position])), derivative)
            total = symbols.total(total, term)
    return written(total)


def _formula(node: Node, names: Sequence[str]) -> str:
    rule = _named(node)
    if rule is None:
        return f"{label(node)}({', '.join(names)})"
    if not rule.numbers:
        return " ".join(Filled(words_for(names) | told_params(node)).format(rule.value).split())
    facts = facts_of(node, dict(zip("abc", names, strict=False)))
    match parsed(rule.value):
        case ast.BinOp(left=ast.Name(id=left), op=op, right=ast.Name(id=right)) if (
            type(op) in SIGNS and right in "abc"
        ):
            return f"{facts[left]} {SIGNS[type(op)]} {facts[right]}"
    return written(symbols.read(rule.value, facts))
