"""Write an expression as a teacher writes it: `y * (1 - y)` as "y · (1 − y)"."""

import math
from typing import Any

#: An expression as nested tuples: `("number", 2.0)`, `("name", "a")`, or an operation of these.
Tree = tuple[Any, ...]

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_PREFIXES = {"sqrt": "√"}
_BARS = ("abs", "|")


def written(tree: Tree, tight: int = 0) -> str:
    """Write an expression, in brackets where what stands around it holds more tightly.

    Args:
        tree: The expression.
        tight: How tightly: 1 for a term of a sum, 2 to be subtracted, 3 for a factor, 4 to be
            divided by, 6 for the base of a power.
    """
    text, holds = _written(tree)
    if holds >= tight:
        return text
    match tree:
        case ("call", name, argument) if name not in _PREFIXES:
            return f"{name}({written(argument)})"
    return f"({text})"


def _written(tree: Tree) -> tuple[str, int]:
    """Return a text and how tightly it holds together."""
    match tree:
        case ("number", value):
            return number(value), 9 if value >= 0 else 1
        case ("name", name):
            return name, 9
        case ("where", condition):
            return f"1 where {condition}", 0
        case ("negative", inner):
            return f"−{written(inner, 3)}", 1
        case ("sum", left, right):
            return f"{written(left, 1)} + {written(right, 2)}", 1
        case ("difference", left, right):
            return f"{written(left, 1)} − {written(right, 2)}", 1
        case ("product", left, ("where", condition)):
            return f"{written(left, 3)} where {condition}", 0
        case ("product", ("number", factor), ("name" | "power", *_)):
            right: Tree = tuple(tree[2])
            return f"{written(('number', factor), 3)} {written(right, 5)}", 3
        case ("product", left, right):
            return f"{written(left, 3)} · {written(right, 3)}", 3
        case ("quotient", above, below):
            return f"{written(above, 3)} / {written(below, 4)}", 3
        case ("power", base, ("number", exponent)) if float(exponent).is_integer():
            return f"{written(base, 6)}{_superscript(exponent)}", 6
        case ("power", base, exponent):
            return f"{written(base, 6)}^{written(exponent, 8)}", 5
        case ("call", name, argument):
            return _called(name, argument)
        case ("call", name, *arguments):
            return f"{name}({', '.join(map(written, arguments))})", 8
    raise AssertionError(tree)


def _called(name: str, argument: Tree) -> tuple[str, int]:
    """Write a function of one argument; a short argument needs no brackets."""
    if name == _BARS[0]:
        return f"{_BARS[1]}{written(argument)}{_BARS[1]}", 9
    if name in _PREFIXES:
        return f"{_PREFIXES[name]}{written(argument, 8)}", 7
    text, holds = _written(argument)
    return (f"{name} {text}", 4) if holds == 9 else (f"{name}({text})", 8)


def number(value: float) -> str:
    """Write a number to three digits, with a true minus sign and a sign for infinity.

    Example:
        >>> number(-0.09375), number(5.0), number(1e-05), number(12345.0)
        ('−0.0938', '5', '1e−05', '12,300')
        >>> number(float("-inf")), number(float("nan"))
        ('−∞', 'NaN')
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    rounded = float(f"{value:.3g}") + 0.0  # no minus before a zero
    text = f"{rounded:,.0f}" if 1e3 <= abs(rounded) < 1e6 else f"{rounded:.3g}"
    return text.replace("-", "−")


def _superscript(exponent: float) -> str:
    return str(int(exponent)).translate(_SUPERSCRIPTS)
