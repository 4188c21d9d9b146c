"""Follow a mark through a program, from what makes it to the results that it reaches."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from jax.extend.core import JaxprEqn

from .jaxpr import Program, called, kind, scan_parts
from .loops import of_while
from .walk import Entered, interpret, nothing


class Spot(NamedTuple):
    """The operation that marked a value, and the user's line."""

    name: str
    line: str


#: Where a value was marked; `None` for a value without a mark.
Mark = Spot | None
#: `rule(eqn, marks of its operands, the user's line)` returns the mark of its results.
Rule = Callable[[JaxprEqn, Sequence[Mark], str], Mark]


def marks(
    program: Program,
    inputs: Sequence[Mark],
    rule: Rule,
    caller: str = "",
    entered: Entered = called,
) -> list[Mark]:
    """Return the marks of a program's results, given those of its inputs.

    Args:
        program: A jaxpr, open or closed.
        inputs: The marks of its inputs.
        rule: Marks the results of an equation.
        caller: The user's line that called the program.
        entered: Which calls are walked into; all of them by default.
    """

    def visit(eqn: JaxprEqn, operands: list[Mark], line: str) -> list[Mark]:
        match kind(eqn):
            case "scan":
                _, carries, slices, _ = scan_parts(eqn)
                return _loop(eqn.params["jaxpr"], operands, carries, slices, rule, line, entered)
            case "while":
                return _while(eqn, operands, rule, line, entered)
            case "cond":
                branches = eqn.params["branches"]
                sides = [marks(side, operands[1:], rule, line, entered) for side in branches]
                return [first(side) for side in zip(*sides, strict=True)]
            case _:
                return [rule(eqn, operands, line)] * len(eqn.outvars) if eqn.outvars else []

    return interpret(program, inputs, visit, lift=nothing, caller=caller, entered=entered)


def _while(
    eqn: JaxprEqn, operands: list[Mark], rule: Rule, line: str, entered: Entered
) -> list[Mark]:
    """Return the marks of the carry.

    Where the condition is marked, the number of steps is: the rule is told of the loop itself.
    """
    tested, consts, start = of_while(eqn, operands)
    body, held = eqn.params["body_jaxpr"], [*consts, *start]
    carry = _loop(body, held, len(start), 0, rule, line, entered)
    steps = marks(eqn.params["cond_jaxpr"], [*tested, *carry], rule, line, entered)
    if steps[0] is not None:
        rule(eqn, steps, line)
    return carry


def _loop(
    body: Program,
    operands: list[Mark],
    carries: int,
    slices: int,
    rule: Rule,
    line: str,
    entered: Entered,
) -> list[Mark]:
    """Walk the body until no further part of the carry is marked; what is marked stays so."""
    start = len(operands) - carries - slices
    while True:
        results = marks(body, operands, rule, line, entered)
        carry = operands[start : start + carries]
        grown = [first(pair) for pair in zip(carry, results, strict=False)]
        if grown == carry:
            return [*grown, *results[carries:]]
        operands = [*operands[:start], *grown, *operands[start + carries :]]


def first(candidates: Sequence[Mark]) -> Mark:
    """Return the first mark that there is."""
    return next((mark for mark in candidates if mark is not None), None)
