"""Read an expression in Python into a tree, simplified as a teacher would, or compute it.

The rules of the operations are such expressions, so that what a reader sees can be computed too.
"""

import ast
from collections.abc import Mapping
from functools import cache
from types import CodeType
from typing import Any

from .writing import Tree, written

ZERO: Tree = ("number", 0.0)
ONE: Tree = ("number", 1.0)
_RELATIONS = {ast.Gt: ">", ast.GtE: "≥", ast.Lt: "<", ast.LtE: "≤", ast.Eq: "=", ast.NotEq: "≠"}
#: Conditions whose value at a tie is no matter of true and false, and how they are written.
_CONDITIONS = {"larger": ">", "smaller": "<"}


def read(expression: str, names: Mapping[str, float | str]) -> Tree:
    """Read an expression, with a number or a word in the place of each of its names.

    Example:
        >>> written(read("n * a ** (n - 1)", {"n": 2.0, "a": "w"}))
        '2 w'
        >>> written(read("1 / (1 + a**2)", {"a": "w"}))
        '1 / (1 + w²)'
    """
    return _read(ast.parse(expression, mode="eval").body, names)


def computed(expression: str, names: Mapping[str, Any]) -> Any:
    """Compute an expression of the table of rules, at numbers or arrays, with functions by name.

    Example:
        >>> computed("2 * a + b", {"a": 3, "b": 1})
        7
    """
    return eval(_compiled(expression), {"__builtins__": {}}, dict(names))


@cache
def _compiled(expression: str) -> CodeType:
    return compile(expression, "<rule>", "eval")


def _read(node: ast.expr, names: Mapping[str, float | str]) -> Tree:
    match node:
        case ast.Constant(value=value):
            return ("number", float(value))  # pyright: ignore[reportArgumentType]
        case ast.Name(id=name):
            meant = names.get(name, name)
            return ("name", meant) if isinstance(meant, str) else ("number", float(meant))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return negative(_read(operand, names))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            condition = written(_read(operand, names))
            return ("where", f"not ({condition})" if " " in condition else f"not {condition}")
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATIONS[type(op)](_read(left, names), _read(right, names))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            sides = written(_read(left, names)), written(_read(right, names))
            return ("where", f" {_RELATIONS[type(op)]} ".join(sides))
        case ast.Call(func=ast.Name(id=name), args=[left, right]) if name in _CONDITIONS:
            sides = written(_read(left, names)), written(_read(right, names))
            return ("where", f" {_CONDITIONS[name]} ".join(sides))
        case ast.Call(func=ast.Name(id="between"), args=args):
            return ("where", " < ".join(written(_read(arg, names)) for arg in args))
        case ast.Call(func=ast.Name(id="bool"), args=[operand]):
            return ("where", written(_read(operand, names)))
        case ast.Call(func=ast.Name(id=name), args=args):
            return ("call", name, *(_read(arg, names) for arg in args))
    raise ValueError(f"{ast.unparse(node)} is no expression that a rule is made of")


def negative(tree: Tree) -> Tree:
    """Return the negative of an expression."""
    match tree:
        case ("number", value):
            return ("number", -value) if value else tree
        case ("negative", inner):
            return inner
    return ("negative", tree)


def product(left: Tree, right: Tree) -> Tree:
    """Return a product: numbers are multiplied, and 0 and 1 vanish.

    Example:
        >>> written(product(("name", "ḡ"), read("1 / a", {})))
        'ḡ / a'
        >>> written(product(("name", "ḡ"), read("-a", {})))
        '−ḡ · a'
    """
    match left, right:
        case (("number", a), ("number", b)):
            return ("number", a * b)
        case (("number", 0.0), _) | (_, ("number", 0.0)):
            return ZERO
        case (("number", 1.0), _):
            return right
        case (_, ("number", 1.0)):
            return left
        case (_, ("number", -1.0)):
            return negative(left)
        case (("negative", inner), _):
            return negative(product(inner, right))
        case (_, ("negative", inner)):
            return negative(product(left, inner))
        case (_, ("quotient", above, below)):
            return quotient(product(left, above), below)
    return ("product", left, right)


def quotient(above: Tree, below: Tree) -> Tree:
    """Return a quotient."""
    match above, below:
        case (("number", a), ("number", b)) if b:
            return ("number", a / b)
        case (("number", 0.0), _):
            return ZERO
        case (_, ("number", 1.0)):
            return above
        case (("negative", inner), _):
            return negative(quotient(inner, below))
    return ("quotient", above, below)


def total(left: Tree, right: Tree) -> Tree:
    """Return a sum; what is negative is subtracted."""
    match left, right:
        case (("number", a), ("number", b)):
            return ("number", a + b)
        case (("number", 0.0), _):
            return right
        case (_, ("number", 0.0)):
            return left
        case (_, ("negative", inner)):
            return ("difference", left, inner)
    return ("sum", left, right)


def difference(left: Tree, right: Tree) -> Tree:
    """Return a difference."""
    match left, right:
        case (("number", a), ("number", b)):
            return ("number", a - b)
        case (("number", 0.0), _):
            return negative(right)
        case (_, ("number", 0.0)):
            return left
        case (_, ("negative", inner)):
            return ("sum", left, inner)
    return ("difference", left, right)


def power(base: Tree, exponent: Tree) -> Tree:
    """Return a power."""
    match base, exponent:
        case (("number", a), ("number", b)) if a > 0:
            return ("number", a**b)
        case (_, ("number", 1.0)):
            return base
        case (_, ("number", 0.0)):
            return ONE
    return ("power", base, exponent)


_OPERATIONS = {
    ast.Add: total,
    ast.Sub: difference,
    ast.Mult: product,
    ast.Div: quotient,
    ast.Pow: power,
}
