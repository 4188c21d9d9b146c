"""Formulas of whole arrays, each written once: what partial derivatives are computed by.

A formula stands for a number, or for a vector of one number for each of some examples. It is known
by its place in a list, after those of its operands. What is written twice has one place, signs are
moved outwards, and what ones and zeros do not change is left out, so that equal derivatives are
seen to be equal.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

from jax.extend.core import JaxprEqn

#: How much an operation takes beside an addition: what is not among them is a function.
_CHEAP = {
    **dict.fromkeys(["leaf", "raw", "number", "line"], 0),
    **dict.fromkeys(["mul", "add", "sub", "neg", "square", "max", "min", "abs", "integer_pow"], 1),
    **dict.fromkeys(
        ["select_n", "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "copy"], 1
    ),
    **dict.fromkeys(["choose", "shift", "sign", "convert_element_type"], 1),
    "take": 5,
    "div": 6,
    "sqrt": 6,
}
_FUNCTION = 60


class Formula(NamedTuple):
    """One formula.

    Attributes:
        what: The name of the operation, and what else tells it from others.
        operands: The places of those that it is made of.
        length: Of how many examples it has one number each; `None` for one number in all.
    """

    what: tuple[Any, ...]
    operands: tuple[int, ...]
    length: int | None

    @property
    def work(self) -> int:
        """What one number of it takes beside its operands, in additions."""
        return _CHEAP.get(self.what[0], _FUNCTION)


class Formulas:
    """Formulas in the order in which they can be computed.

    Attributes:
        every: All of them.
        eqns: The equations that operations are of.

    Example:
        >>> formulas = Formulas()
        >>> x, one = formulas.leaf(0, 0, 5), formulas.number(1.0)
        >>> formulas.mul(x, one) == x, formulas.mul(x, x) == formulas.mul(x, x)
        (True, True)
    """

    def __init__(self) -> None:
        """Start with none."""
        self.every: list[Formula] = []
        self.eqns: dict[Any, JaxprEqn] = {}
        self._places: dict[Formula, int] = {}

    def _place(self, what: tuple, operands: Sequence[int], length: int | None) -> int:
        formula = Formula(what, tuple(operands), length)
        if formula not in self._places:
            self._places[formula] = len(self.every)
            self.every.append(formula)
        return self._places[formula]

    def place(self, formula: Formula) -> int:
        """Return the place of a formula."""
        return self._places[formula]

    def length(self, *operands: int) -> int | None:
        """Return the length of what is made of some at each example's place."""
        return next((n for n in (self.every[k].length for k in operands) if n is not None), None)

    def leaf(self, place: int, component: int, length: int | None) -> int:
        """Return a component of an input."""
        return self._place(("leaf", place, component), (), length)

    def raw(self, key: int, axis: int | None, component: int, length: int | None) -> int:
        """Return a component of an array that depends on no input."""
        return self._place(("raw", key, axis, component), (), length)

    def number(self, value: float) -> int:
        """Return a number that is known."""
        return self._place(("number", float(value)), (), None)

    def line(self, start: int, step: int, length: int | None) -> int:
        """Return the indices `start, start + step, ...`; a single one without a length."""
        return self._place(("line", start, step), (), length)

    def value(self, place: int) -> float | None:
        """Return the number that a formula is, if it is known."""
        what = self.every[place].what
        return what[1] if what[0] == "number" else None

    def operation(self, eqn: JaxprEqn, operands: Sequence[int]) -> int:
        """Return what an equation does at each example's place."""
        params = tuple(sorted(eqn.params.items()))
        try:
            key = (eqn.primitive.name, params)
            hash(key)
        except TypeError:
            key = (eqn.primitive.name, id(eqn))
        self.eqns.setdefault(key, eqn)
        return self._place(key, operands, self.length(*operands))

    def neg(self, a: int) -> int:
        """Return -a."""
        value = self.value(a)
        if value is not None:
            return self.number(-value)
        if self._is(a, "neg"):
            return self.every[a].operands[0]
        return self._place(("neg",), (a,), self.length(a))

    def add(self, a: int, b: int) -> int:
        """Return a + b."""
        numbers = self.value(a), self.value(b)
        if numbers[0] is not None and numbers[1] is not None:
            return self.number(numbers[0] + numbers[1])
        if 0 in numbers:
            return b if numbers[0] == 0 else a
        signs = self._is(a, "neg"), self._is(b, "neg")
        bare = self._bare(a), self._bare(b)
        if all(signs):
            return self.neg(self.add(*bare))
        if any(signs):
            pair = (bare[0], bare[1]) if signs[1] else (bare[1], bare[0])
            return self._place(("sub",), pair, self.length(*pair))
        return self._place(("add",), sorted((a, b)), self.length(a, b))

    def sum(self, terms: Sequence[int]) -> int:
        """Return the sum of some."""
        return reduce(self.add, terms, self.number(0.0))

    def mul(self, a: int, b: int) -> int:
        """Return a times b."""
        for one, other in ((a, b), (b, a)):
            value = self.value(one)
            if value in (1.0, -1.0):
                return other if value == 1 else self.neg(other)
        numbers = self.value(a), self.value(b)
        if numbers[0] is not None and numbers[1] is not None:
            return self.number(numbers[0] * numbers[1])
        product = sorted((self._bare(a), self._bare(b)))
        made = self._place(("mul",), product, self.length(a, b))
        return self.neg(made) if self._is(a, "neg") != self._is(b, "neg") else made

    def over(self, a: int) -> int:
        """Return 1 / a."""
        value = self.value(a)
        if value:
            return self.number(1 / value)
        if self._is(a, "neg"):
            return self.neg(self.over(self._bare(a)))
        return self._place(("div",), (self.number(1.0), a), self.length(a))

    def choose(self, which: int, no: int, yes: int) -> int:
        """Return one of two by a truth value."""
        return self._place(("choose",), (which, no, yes), self.length(which, no, yes))

    def take(self, a: int, index: int) -> int:
        """Return `a` at an index for each example; what is the same for all stays as it is."""
        formula, (name, *told) = self.every[a], self.every[index].what
        length = self.every[index].length
        if formula.length is None:
            return a
        if formula.what[0] == "neg":
            return self.neg(self.take(formula.operands[0], index))
        if name == "line" and told == [0, 1] and length == formula.length:
            return a
        if formula.what[0] == "line":
            return self._on_line(formula.what[1:], index)
        return self._place(("take",), (a, index), length)

    def _on_line(self, line: tuple, index: int) -> int:
        """Return the indices of a line at some of its places."""
        (start, step), (name, *told) = line, self.every[index].what
        length = self.every[index].length
        if name == "line":
            return self.line(start + step * told[0], step * told[1], length)
        if (start, step) == (0, 1):
            return index
        return self._place(("shift", start, step), (index,), length)

    def needed(self, *roots: int) -> list[int]:
        """Return the places of all that some are made of, themselves included, in order."""
        seen, todo = set(roots), list(roots)
        while todo:
            for operand in self.every[todo.pop()].operands:
                if operand not in seen:
                    seen.add(operand)
                    todo.append(operand)
        return sorted(seen)

    def work(self, *roots: int) -> int:
        """Return what computing some takes, in additions."""
        every = (self.every[place] for place in self.needed(*roots))
        return sum(formula.work * (formula.length or 1) for formula in every)

    def operations(self, *roots: int) -> int:
        """Return how many operations computing some takes, each of one number."""
        every = (self.every[place] for place in self.needed(*roots))
        return sum(bool(formula.work) * (formula.length or 1) for formula in every)

    def _is(self, place: int, name: str) -> bool:
        return self.every[place].what[0] == name

    def _bare(self, place: int) -> int:
        return self.every[place].operands[0] if self._is(place, "neg") else place
