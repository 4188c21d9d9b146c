"""What an operation of a graph is called, what it does, and how its derivative goes, in symbols."""

import ast
import string
from collections.abc import Mapping, Sequence
from functools import cache

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
    written_literal,
)
from .parts import Node
from .record import Graph
from .rule_table import CUSTOM, NOTHING, RULES, Rule
from .symbols import written

_ADJOINT = "ḡ"
_HOLE = "( )"
#: The signs of operations, where they stand alone.
_SIGNS = {ast.Add: "+", ast.Sub: "−", ast.Mult: "×", ast.Div: "÷"}
_CALLS = {"where": "select", "clip": "clamp", "sqrt": "√"}
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
        return _numbers_label(rule.value, _facts(node, {}))
    return " ".join(_Filled(_holes(node)).format(rule.value).replace(", ", " ").split())


def formula(graph: Graph, node: Node) -> str:
    """Return what a node computes, in the names of what it takes, such as `"w @ x"`.

    Example:
        >>> from benchmarks.graph.parts import Node, Operand
        >>> from benchmarks.graph.record import Graph
        >>> x = Node(id=0, kind="input", operation="x", name="x")
        >>> root = Node(id=1, kind="operation", operation="sqrt", operands=(Operand(node=0),))
        >>> formula(Graph(title="root", nodes=(x, root)), root)
        '√x'
    """
    names = letters(graph, node)
    return _formula(node, names)


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
    if not has_derivative(graph, node, place):
        return ""
    rule = rule_of(graph, node)
    if rule is None:
        return f"{_ADJOINT} · its derivative"
    position = positions(node)[place]
    back = rule.back[min(position, len(rule.back) - 1)]
    if back == NOTHING:
        return ""
    names = letters(graph, node)
    if rule.numbers:
        derivative = symbols.read(back, _facts(node, _values(graph, node, names)))
        return written(symbols.product(("name", _ADJOINT), derivative))
    if node.operation == "dot_general":
        return _of_product(graph, node, position, names)
    return _Filled(_words(names)).format(back)


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
    names = letters(graph, node)
    if rule is None:
        return " + ".join(f"{dotted(names[p])} · its derivative" for p in moving)
    if rule.numbers:
        return _tangent_of_numbers(graph, node, rule, moving, names)
    if rule.forward == NOTHING:
        return ""
    if rule.forward:
        return _Filled(_words(names)).format(rule.forward)
    if rule.factors:
        return " + ".join(
            _formula(node, [dotted(n) if p == q else n for q, n in enumerate(names)])
            for p in moving
        )
    return _formula(node, [dotted(name) if p in moving else "0" for p, name in enumerate(names)])


def rule_of(graph: Graph, node: Node) -> Rule | None:
    """Return the rule of a node, if it is known; of a custom one only if the numbers agree."""
    if node.operation in RULES:
        return RULES[node.operation]
    rule = CUSTOM.get(node.operation)
    return rule if rule is not None and agrees(graph, node, rule) else None


def _named(node: Node) -> Rule | None:
    return RULES.get(node.operation) or CUSTOM.get(node.operation)


def _facts(node: Node, names: Mapping[str, float | str]) -> dict[str, float | str]:
    """Return what the names in a rule of numbers stand for: parameters, operands, the result."""
    facts: dict[str, float | str] = dict(zip("abc", [_HOLE] * 3, strict=True))
    for letter, literal in zip("abc", literals_of(node), strict=False):
        if literal is not None:
            facts[letter] = float(literal)
    exponent = dict(node.params).get("y", "n")
    facts["n"] = float(exponent) if isinstance(exponent, int) else "n"
    return facts | dict(names)


def _values(graph: Graph, node: Node, names: Sequence[str]) -> dict[str, float | str]:
    """Return the names of the operands that are no numbers, and of the result."""
    found: dict[str, float | str] = {}
    for letter, literal, name in zip("abc", literals_of(node), names, strict=False):
        if literal is None:
            found[letter] = name
    found["y"] = result_name(node, names)
    return found


def _tangent_of_numbers(
    graph: Graph, node: Node, rule: Rule, moving: Sequence[int], names: Sequence[str]
) -> str:
    facts = _facts(node, _values(graph, node, names))
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
        return " ".join(_Filled(_words(names) | _params(node)).format(rule.value).split())
    parsed = _parsed(rule.value)
    facts = _facts(node, dict(zip("abc", names, strict=False)))
    match parsed:
        case ast.BinOp(left=ast.Name(id=left), op=op, right=ast.Name(id=right)) if (
            type(op) in _SIGNS and right in "abc"
        ):
            return f"{facts[left]} {_SIGNS[type(op)]} {facts[right]}"
    return written(symbols.read(rule.value, facts))


def _numbers_label(value: str, facts: Mapping[str, float | str]) -> str:
    """Return the sign of an operation of numbers, with the literals at its sides."""

    def beside(name: str) -> str:
        fact = facts[name]
        return "" if isinstance(fact, str) else symbols.number(fact)

    match _parsed(value):
        case ast.Name():
            return "="
        case ast.UnaryOp(op=ast.USub()):
            return "−"
        case ast.BinOp(left=ast.Name(id=left), op=op, right=ast.Name(id=right)) if (
            type(op) in _SIGNS
        ):
            return " ".join(filter(None, [beside(left), _SIGNS[type(op)], beside(right)]))
        case ast.Call(func=ast.Name(id=name), args=args) if name != "abs":
            numbers = [beside(arg.id) for arg in args if isinstance(arg, ast.Name)]
            return " ".join(filter(None, [_CALLS.get(name, name), *numbers]))
    text = written(symbols.read(value, facts))
    return text.replace(" / ", "/").removesuffix(_HOLE) if text.endswith(f"√{_HOLE}") else text


@cache
def _parsed(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body


class _Filled(string.Formatter):
    """Fill the names of a form in; one that is not known is nothing."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def get_value(self, key: int | str, args: object, kwargs: object) -> str:
        """Return what stands for a name."""
        return self.names.get(str(key), "")


def _holes(node: Node) -> dict[str, str]:
    """Return what stands for the names in the label of an operation of arrays."""
    literals = {
        letter: written_literal(value)
        for letter, value in zip("abc", literals_of(node), strict=False)
        if value is not None
    }
    return literals | _params(node)


def _params(node: Node) -> dict[str, str]:
    params = dict(node.params)
    window, turns = params.get("window"), params.get("turns", params.get("length"))
    return {
        "window": f" {'×'.join(map(str, window))}" if isinstance(window, tuple | list) else "",
        "turns": f" × {turns}" if turns is not None else "",
    }


def _words(names: Sequence[str]) -> dict[str, str]:
    """Return the names that the form of a rule of arrays can ask for."""
    words = {"all": ", ".join(names)}
    for letter, name in zip("abc", names, strict=False):
        words[letter] = name
        words[dotted(letter)] = dotted(name)
    return words


def _of_product(graph: Graph, node: Node, position: int, names: Sequence[str]) -> str:
    """Return what a factor of a matrix product is handed back, by the ranks of both."""
    made = [result_of(graph, operand) for operand in node.operands]
    vectors = all(result is not None and len(result.shape) == 1 for result in made)
    other = names[-1] if position == 0 else names[0]
    if vectors:
        return f"{_ADJOINT} · {other}"
    return f"{_ADJOINT} {other}ᵀ" if position == 0 else f"{other}ᵀ {_ADJOINT}"
