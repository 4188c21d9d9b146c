"""The parts of a formula: its names, its signs, and what of a primitive's parameters is told."""

import ast
import string
from collections.abc import Mapping, Sequence
from functools import cache

from ..parts import Node
from . import symbols
from .figures import entry
from .naming import dotted, literals_of, written_literal
from .writing import number, written

_HOLE = "( )"
#: The signs of operations, where they stand alone.
SIGNS = {ast.Add: "+", ast.Sub: "−", ast.Mult: "×", ast.Div: "÷"}
_CALLS = {"where": "select", "clip": "clamp", "sqrt": "√"}


class Filled(string.Formatter):
    """Fill the names of a form in; one that is not known is nothing."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def get_value(self, key: int | str, args: object, kwargs: object) -> str:
        """Return what stands for a name."""
        return self.names.get(str(key), "")


def facts_of(node: Node, names: Mapping[str, float | str]) -> dict[str, float | str]:
    """Return what the names in a rule of numbers stand for: parameters, operands, the result."""
    facts: dict[str, float | str] = dict(zip("abc", [_HOLE] * 3, strict=True))
    for letter, literal in zip("abc", literals_of(node), strict=False):
        if literal is not None:
            facts[letter] = entry(literal) if isinstance(literal, complex) else float(literal)
    exponent = dict(node.params).get("y", "n")
    facts["n"] = float(exponent) if isinstance(exponent, int) else "n"
    return facts | dict(names)


def words_for(names: Sequence[str]) -> dict[str, str]:
    """Return the names that the form of a rule of arrays can ask for."""
    words = {"all": ", ".join(names)}
    for letter, name in zip("abc", names, strict=False):
        words[letter] = name
        words[dotted(letter)] = dotted(name)
    return words


def holes_of(node: Node) -> dict[str, str]:
    """Return what stands for the names in the label of an operation of arrays."""
    literals = {
        letter: entry(value)
        for letter, value in zip("abc", literals_of(node), strict=False)
        if value is not None
    }
    return literals | told_params(node)


def told_params(node: Node) -> dict[str, str]:
    """Return what of a primitive's parameters a form can ask for: its window, its turns."""
    params = dict(node.params)
    window = params.get("window", params.get("window_dimensions"))
    sizes = window if isinstance(window, tuple | list) else ()
    sizes = [str(size) for size in sizes if size != 1 or "window" in params]
    turns = params.get("length")
    return {
        "window": f" {'×'.join(sizes)}" if sizes else "",
        "turns": f" × {turns}" if turns is not None else "",
    }


def sign_of(value: str, facts: Mapping[str, float | str]) -> str:
    """Return the sign of an operation of numbers, with the literals at its sides."""

    def beside(name: str) -> str:
        fact = facts[name]
        return "" if isinstance(fact, str) else number(fact)

    match parsed(value):
        case ast.Name():
            return "="
        case ast.UnaryOp(op=ast.USub()):
            return "−"
        case ast.BinOp(left=ast.Name(id=left), op=op, right=ast.Name(id=right)) if (
            type(op) in SIGNS
        ):
            fact = facts[right]  # a negative number has brackets behind a sign
            after = "" if isinstance(fact, str) else written_literal(fact)
            return " ".join(filter(None, [beside(left), SIGNS[type(op)], after]))
        case ast.Call(func=ast.Name(id=name), args=args) if name != "abs":
            numbers = [beside(arg.id) for arg in args if isinstance(arg, ast.Name)]
            return " ".join(filter(None, [_CALLS.get(name, name), *numbers]))
    text = written(symbols.read(value, facts))
    return text.replace(" / ", "/").removesuffix(_HOLE) if text.endswith(f"√{_HOLE}") else text


@cache
def parsed(expression: str) -> ast.expr:
    """Return the tree of a rule's expression."""
    return ast.parse(expression, mode="eval").body
