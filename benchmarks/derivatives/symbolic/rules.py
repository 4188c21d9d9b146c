"""What SymPy knows of each operation: its expression and its derivative."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import sympy
from sympy.codegen.cfunctions import Cbrt, exp2, expm1, log1p, log2

from .graph import LEAVES, Graph


class stop_gradient(sympy.Function):  # noqa: N801  (a function's name, as SymPy prints it)
    """The identity, whose derivative is taken to be 0."""

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """The derivative: 0."""
        return sympy.Integer(0)


#: Each operation as SymPy writes it.
SYMPY: dict[str, Callable[..., Any]] = {
    "abs": sympy.Abs,
    "acos": sympy.acos,
    "acosh": sympy.acosh,
    "add": lambda a, b: sympy.Add(a, b, evaluate=False),
    "and": sympy.And,
    "asin": sympy.asin,
    "asinh": sympy.asinh,
    "atan": sympy.atan,
    "atan2": sympy.atan2,
    "atanh": sympy.atanh,
    "cbrt": Cbrt,
    "ceil": sympy.ceiling,
    "cos": sympy.cos,
    "cosh": sympy.cosh,
    "digamma": sympy.digamma,
    "div": lambda a, b: sympy.Mul(a, sympy.Pow(b, -1, evaluate=False), evaluate=False),
    "eq": lambda a, b: sympy.Eq(a, b, evaluate=False),
    "erf": sympy.erf,
    "erf_inv": sympy.erfinv,
    "erfc": sympy.erfc,
    "exp": sympy.exp,
    "exp2": exp2,
    "expm1": expm1,
    "floor": sympy.floor,
    "le": lambda a, b: sympy.Le(a, b, evaluate=False),
    "lgamma": sympy.loggamma,
    "log": sympy.log,
    "log1p": log1p,
    "log2": log2,
    "lt": lambda a, b: sympy.Lt(a, b, evaluate=False),
    "max": lambda a, b: sympy.Max(a, b, evaluate=False),
    "min": lambda a, b: sympy.Min(a, b, evaluate=False),
    "mul": lambda a, b: sympy.Mul(a, b, evaluate=False),
    "ne": lambda a, b: sympy.Ne(a, b, evaluate=False),
    "neg": lambda a: sympy.Mul(-1, a, evaluate=False),
    "not": sympy.Not,
    "or": sympy.Or,
    "polygamma": sympy.polygamma,
    "pow": lambda a, b: sympy.Pow(a, b, evaluate=False),
    "sign": sympy.sign,
    "sin": sympy.sin,
    "sinh": sympy.sinh,
    "sqrt": sympy.sqrt,
    "square": lambda a: sympy.Pow(a, 2, evaluate=False),
    "stop": stop_gradient,
    "sub": lambda a, b: sympy.Add(a, sympy.Mul(-1, b, evaluate=False), evaluate=False),
    "tan": sympy.tan,
    "tanh": sympy.tanh,
    "where": lambda c, a, b: sympy.Piecewise((a, c), (b, True), evaluate=False),
}
_BY_SYMPY = {value: name for name, value in SYMPY.items() if isinstance(value, type)}
#: Constant between their jumps; SymPy would put a Dirac impulse there.
_STEPS = frozenset(["ceil", "floor", "sign", "stop"])
_RELATIONS = frozenset(["and", "eq", "le", "lt", "ne", "not", "or"])
#: The derivative of a choice is the choice of the derivatives, where SymPy writes Heaviside's step.
#: Where two operands are equal it is the second's, so that relu, max(x, 0), has slope 0 at 0.
_CHOICES: dict[str, Callable[[Graph, Sequence[int]], int]] = {
    "max": lambda graph, x: graph.make("lt", x[1], x[0]),
    "min": lambda graph, x: graph.make("lt", x[0], x[1]),
    "where": lambda graph, x: x[0],
}

#: A derivative as nested tuples: `("operand", 0)`, `("number", 2.0)` or an operation of these.
Template = tuple[Any, ...]


def expressions(graph: Graph, roots: Sequence[int]) -> list[Any]:
    """Write nodes as SymPy expressions; equal ones are one object, and nothing is evaluated."""
    known: dict[int, Any] = {}
    for node in graph.reachable(roots):
        operation, operands = graph.operations[node], graph.operands[node]
        match operation:
            case "symbol":
                known[node] = sympy.Symbol(operands[0], real=True)
            case "number":
                known[node] = _number(operands[0])
            case "truth":
                known[node] = sympy.true if operands[0] else sympy.false
            case _:
                known[node] = _as_sympy(operation, [known[n] for n in operands])
    return [known[node] for node in roots]


def users(graph: Graph, roots: Sequence[int]) -> dict[int, list[int]]:
    """Return, by node, the nodes of `roots` that are made of it and have a derivative."""
    made_of: dict[int, list[int]] = defaultdict(list)
    for node in graph.reachable(roots):
        if graph.operations[node] not in (*LEAVES, *_STEPS, *_RELATIONS):
            for operand in set(graph.operands[node]):
                made_of[operand].append(node)
    return made_of


def derivatives(graph: Graph, symbol: int, users: dict[int, list[int]]) -> dict[int, int]:
    """Return the derivative by one symbol of every node whose derivative is not 0.

    SymPy differentiates each operation by its operands; the chain rule joins the results. That is
    what `sympy.diff` does, but for one thing: here an expression that occurs twice is
    differentiated once, where SymPy walks the tree.

    Args:
        graph: Where the derivatives are added.
        symbol: The node of the symbol.
        users: By node, what is made of it.
    """
    known = {symbol: graph.number(1.0)}
    for node in _upwards(symbol, users):
        result = _chained(graph, node, known)
        if graph.constant(result) != 0.0:
            known[node] = result
    return known


def _upwards(symbol: int, users: dict[int, list[int]]) -> list[int]:
    """Return the nodes that are made of a symbol, operands first."""
    above: set[int] = set()
    waiting = [symbol]
    while waiting:
        fresh = [node for node in users.get(waiting.pop(), ()) if node not in above]
        above.update(fresh)
        waiting.extend(fresh)
    return sorted(above)


def _chained(graph: Graph, node: int, known: dict[int, int]) -> int:
    operation, operands = graph.operations[node], graph.operands[node]
    if operation in _CHOICES:
        inner = [known.get(n, graph.number(0.0)) for n in operands[-2:]]
        return graph.make("where", _CHOICES[operation](graph, operands), *inner)
    total = graph.number(0.0)
    for place, operand in enumerate(operands):
        if operand in known:
            partial = _partial(graph, operation, operands, place)
            total = graph.make("add", total, graph.make("mul", partial, known[operand]))
    return total


def _partial(graph: Graph, operation: str, operands: Sequence[int], place: int) -> int:
    """Return the derivative of one operation by one of its operands, as a node."""
    constants = (
        tuple(graph.constant(n) for n in operands) if operation in ("pow", "polygamma") else ()
    )
    template = _template(operation, len(operands), place, constants)
    return _filled(graph, template, operands)


@cache
def _template(operation: str, arity: int, place: int, constants: tuple[Any, ...]) -> Template:
    """Return SymPy's derivative of an operation by one operand."""
    unknowns = [sympy.Symbol(f"u{n}", real=True) for n in range(arity)]
    operands = [
        unknown if value is None else _number(value)
        for unknown, value in zip(unknowns, constants or [None] * arity, strict=True)
    ]
    derivative = sympy.diff(SYMPY[operation](*operands), unknowns[place])
    return _parsed(sympy.powsimp(derivative, combine="exp"), unknowns)


def _parsed(expression: Any, unknowns: list[sympy.Symbol]) -> Template:
    """Write a SymPy expression in the operations of a graph."""
    if expression in unknowns:
        return ("operand", unknowns.index(expression))
    if expression.is_number:
        return ("number", float(expression))
    parts = [_parsed(part, unknowns) for part in expression.args]
    if expression.is_Add:
        return _sum(expression, unknowns)
    if expression.is_Mul:
        above, below = expression.as_numer_denom()
        if below != 1:
            return ("div", _parsed(above, unknowns), _parsed(below, unknowns))
        if expression.could_extract_minus_sign():
            return ("neg", _parsed(-expression, unknowns))
        return _folded("mul", parts)
    if expression.is_Pow:
        return _power(expression, unknowns)
    name = _BY_SYMPY[type(expression)]
    if name == "polygamma" and expression.args[0] == 0:
        return ("digamma", parts[1])
    return (name, *parts)


def _sum(expression: Any, unknowns: list[sympy.Symbol]) -> Template:
    """Write a sum, with differences where a term is negative."""
    terms = sorted(expression.args, key=lambda term: term.could_extract_minus_sign())
    total = _parsed(terms[0], unknowns)
    for term in terms[1:]:
        negative = term.could_extract_minus_sign()
        total = (
            "sub" if negative else "add",
            total,
            _parsed(-term if negative else term, unknowns),
        )
    return total


def _power(expression: Any, unknowns: list[sympy.Symbol]) -> Template:
    """Write a power, by the operations that computers have for it."""
    base, exponent = _parsed(expression.base, unknowns), expression.exp
    if exponent.is_negative:
        return ("div", ("number", 1.0), _parsed(expression.base**-exponent, unknowns))
    if exponent == 2:
        return ("square", base)
    if exponent.is_Rational and exponent.q in (2, 3):
        root = ("sqrt" if exponent.q == 2 else "cbrt", base)
        return _folded("mul", [root] * exponent.p)
    return ("pow", base, _parsed(exponent, unknowns))


def _folded(operation: str, parts: Sequence[Template]) -> Template:
    total = parts[0]
    for part in parts[1:]:
        total = (operation, total, part)
    return total


def _filled(graph: Graph, template: Template, operands: Sequence[int]) -> int:
    match template:
        case ("operand", place):
            return operands[place]
        case ("number", value):
            return graph.number(value)
        case (operation, *parts):
            return graph.make(operation, *(_filled(graph, part, operands) for part in parts))
    raise AssertionError(template)


def _number(value: float) -> Any:
    """Write whole and half numbers exactly, so that SymPy knows a root from a power."""
    doubled = 2.0 * value
    return sympy.Rational(int(doubled), 2) if doubled.is_integer() else sympy.Float(value)


def _as_sympy(operation: str, operands: list[Any]) -> Any:
    form = SYMPY[operation]
    # A function's own evaluation walks its whole argument.
    return form(*operands, evaluate=False) if isinstance(form, type) else form(*operands)
