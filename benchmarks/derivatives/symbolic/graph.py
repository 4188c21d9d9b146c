"""Expressions as a graph in which equal subexpressions are one node."""

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

#: Nodes that stand for themselves.
LEAVES = ("symbol", "number", "truth")
#: Nodes that are no operation: `stop` hides a value from differentiation.
FREE = (*LEAVES, "stop")

_COMMUTATIVE = frozenset(["add", "mul", "eq", "ne", "and", "or"])
_FOLDED: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b if b else math.nan,
    "neg": lambda a: -a,
}
_CHECK_EVERY = 1024


class StoppedError(Exception):
    """The graph grew beyond its limit, or its time ran out."""


class Size(NamedTuple):
    """How many operations an expression has.

    Attributes:
        tree: Written out, every subexpression as often as it occurs.
        dag: With equal subexpressions shared.

    Example:
        >>> graph = Graph(limit=100)
        >>> x = graph.make("sin", graph.symbol("x"))
        >>> graph.size([graph.make("add", x, graph.make("exp", x))])  # sin(x) + exp(sin(x))
        Size(tree=4, dag=3)
    """

    tree: int
    dag: int


class Graph:
    """Nodes, numbered so that operands come before what is made of them.

    Args:
        limit: How many nodes there may be.
        deadline: Says whether time is up; asked now and then.
    """

    def __init__(self, limit: int, deadline: Callable[[], bool] | None = None):
        self.operations: list[str] = []
        self.operands: list[tuple[Any, ...]] = []
        self._limit = limit
        self._deadline = deadline
        self._known: dict[tuple[str, tuple[Any, ...]], int] = {}
        self._asked = 0

    def number(self, value: float) -> int:
        """Return the node of a constant; the graph holds double-precision numbers alone."""
        return self._node("number", (float(value),))

    def truth(self, value: bool) -> int:
        """Return the node of true or false."""
        return self._node("truth", (bool(value),))

    def symbol(self, name: str) -> int:
        """Return the node of an unknown."""
        return self._node("symbol", (name,))

    def make(self, operation: str, *operands: int) -> int:
        """Return the node of an operation on nodes, or the simpler node that it is equal to."""
        if operation in _COMMUTATIVE:
            operands = tuple(sorted(operands))
        simpler = self._simplified(operation, operands)
        return self._node(operation, operands) if simpler is None else simpler

    def constant(self, node: int) -> float | bool | None:
        """Return the value of a number or a truth; `None` for every other node."""
        return self.operands[node][0] if self.operations[node] in ("number", "truth") else None

    def reachable(self, roots: Iterable[int]) -> list[int]:
        """Return the nodes that `roots` are made of, themselves included, operands first."""
        nodes, waiting = set(), list(roots)
        while waiting:
            node = waiting.pop()
            if node not in nodes:
                nodes.add(node)
                if self.operations[node] not in LEAVES:
                    waiting.extend(self.operands[node])
        return sorted(nodes)

    def size(self, roots: Iterable[int]) -> Size:
        """Count the operations of several expressions together, without writing the trees out."""
        roots, trees, shared = list(roots), {}, 0
        for node in self.reachable(roots):
            counted = self.operations[node] not in FREE
            leaf = self.operations[node] in LEAVES
            trees[node] = counted + (0 if leaf else sum(trees[n] for n in self.operands[node]))
            shared += counted
        return Size(sum(trees[root] for root in roots), shared)

    def _node(self, operation: str, operands: tuple[Any, ...]) -> int:
        self._asked += 1
        if self._deadline and self._asked % _CHECK_EVERY == 0 and self._deadline():
            raise StoppedError("its time was up")
        key = (operation, operands)
        if key not in self._known:
            if len(self.operations) >= self._limit:
                raise StoppedError(f"{self._limit:,} nodes")
            self._known[key] = len(self.operations)
            self.operations.append(operation)
            self.operands.append(operands)
        return self._known[key]

    def _simplified(self, operation: str, operands: tuple[int, ...]) -> int | None:
        """Return the node that an operation is equal to, such as `x` for `x + 0`."""
        constants = [self.constant(node) for node in operands]
        if operation in _FOLDED and None not in constants:
            return self.number(_FOLDED[operation](*constants))
        match operation, operands, constants:
            case "add", (_, x), [0.0, _]:
                return x
            case (("add" | "sub"), (x, _), [_, 0.0]):
                return x
            case "sub", (_, x), [0.0, _]:
                return self.make("neg", x)
            case "sub", (x, y), _ if x == y:
                return self.number(0.0)
            case "mul", _, ([0.0, _] | [_, 0.0]):
                return self.number(0.0)
            case "mul", (x, y), _ if x == y:
                return self.make("square", x)
            case "mul", (_, x), [1.0, _]:
                return x
            case "mul", (_, x), [-1.0, _]:
                return self.make("neg", x)
            case "mul", (x, _), [_, -1.0]:
                return self.make("neg", x)
            case (("mul" | "div" | "pow"), (x, _), [_, 1.0]):
                return x
            case "div", _, [0.0, _]:
                return self.number(0.0)
            case "neg", (x,), _ if self.operations[x] == "neg":
                return self.operands[x][0]
            case "pow", _, [_, 0.0]:
                return self.number(1.0)
            case "where", (_, x, y), [known, *_] if known is not None or x == y:
                return x if known or x == y else y
            case (("lt" | "ne"), (x, y), _) if x == y:
                return self.truth(False)
            case (("le" | "eq"), (x, y), _) if x == y:
                return self.truth(True)
            case (("max" | "min"), (x, y), _) if x == y:
                return x
            case _:
                return None
