"""Follow a mark through a program, from what makes it to the results that it reaches."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from jax.extend.core import JaxprEqn

from .jaxpr import Program, kind, scan_parts
from .walk import interpret


class Spot(NamedTuple):
    """The operation that marked a value, and the user's line."""

    name: str
    line: str


#: Where a value was marked; `None` for a value without a mark.
Mark = Spot | None
#: `rule(eqn, marks of its operands, the user's line)` returns the mark of its results.
Rule = Callable[[JaxprEqn, Sequence[Mark], str], Mark]


def marks(program: Program, inputs: Sequence[Mark], rule: Rule, caller: str = "") -> list[Mark]:
    """Return the marks of a program's results, given those of its inputs."""

    def visit(eqn: JaxprEqn, operands: list[Mark], line: str) -> list[Mark]:
        match kind(eqn):
            case "scan":
                _, carries, slices, _ = scan_parts(eqn)
                return _loop(eqn.params["jaxpr"], operands, carries, slices, rule, line)
            case "while":
                return _while(eqn, operands, rule, line)
            case "cond":
                sides = [marks(side, operands[1:], rule, line) for side in eqn.params["branches"]]
                return [first(side) for side in zip(*sides, strict=True)]
            case _:
                return [rule(eqn, operands, line)] * len(eqn.outvars) if eqn.outvars else []

    return interpret(program, inputs, visit, lift=lambda _: None, caller=caller)


def _while(eqn: JaxprEqn, operands: list[Mark], rule: Rule, line: str) -> list[Mark]:
    """Return the marks of the carry.

    Where the condition is marked, the number of steps is: the rule is told of the loop itself.
    """
    tested = eqn.params["cond_nconsts"]
    carry = _loop(eqn.params["body_jaxpr"], operands[tested:], len(eqn.outvars), 0, rule, line)
    steps = marks(eqn.params["cond_jaxpr"], [*operands[:tested], *carry], rule, line)
    if steps[0] is not None:
        rule(eqn, steps, line)
    return carry


def _loop(
    body: Program, operands: list[Mark], carries: int, slices: int, rule: Rule, line: str
) -> list[Mark]:
    """Walk the body until no further part of the carry is marked; what is marked stays so."""
    start = len(operands) - carries - slices
    while True:
        results = marks(body, operands, rule, line)
        carry = operands[start : start + carries]
        grown = [first(pair) for pair in zip(carry, results, strict=False)]
        if grown == carry:
            return [*grown, *results[carries:]]
        operands = [*operands[:start], *grown, *operands[start + carries :]]


def first(candidates: Sequence[Mark]) -> Mark:
    """Return the first mark that there is."""
    return next((mark for mark in candidates if mark is not None), None)
