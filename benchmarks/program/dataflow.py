"""Following a mark through a program, from the inputs and the operations that make it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from jax.extend.core import JaxprEqn, Literal

from .jaxpr import called, kind, opened, scan_parts, source


class Spot(NamedTuple):
    """The operation that spoiled a value, and the user's line."""

    name: str
    line: str


#: Where a value was spoiled; `None` for a sound value.
Mark = Spot | None
#: `rule(eqn, marks of its operands, the user's line)` gives the mark of its results.
Rule = Callable[[JaxprEqn, Sequence[Mark], str], Mark]


def marks(jaxpr: Any, inputs: Sequence[Mark], rule: Rule, caller: str = "") -> list[Mark]:
    """The marks of a jaxpr's results, given those of its inputs."""
    program = opened(jaxpr)
    known = dict(zip(program.invars, inputs, strict=True))

    def read(atoms: Sequence[Any]) -> list[Mark]:
        return [None if isinstance(atom, Literal) else known.get(atom) for atom in atoms]

    for eqn in program.eqns:
        call, line = called(eqn), source(eqn, caller)
        if call is not None:
            results = marks(call[0], read(call[1]), rule, line)
        else:
            results = _results(eqn, read(eqn.invars), rule, line)
        known |= dict(zip(eqn.outvars, results, strict=True))
    return read(program.outvars)


def _results(eqn: JaxprEqn, operands: list[Mark], rule: Rule, line: str) -> list[Mark]:
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


def _while(eqn: JaxprEqn, operands: list[Mark], rule: Rule, line: str) -> list[Mark]:
    """The carry's marks; if the number of steps is spoiled, what the rule makes of that."""
    tested = eqn.params["cond_nconsts"]
    carry = _loop(eqn.params["body_jaxpr"], operands[tested:], len(eqn.outvars), 0, rule, line)
    steps = marks(eqn.params["cond_jaxpr"], [*operands[:tested], *carry], rule, line)
    if steps[0] is not None:
        rule(eqn, steps, line)
    return carry


def _loop(
    body: Any, operands: list[Mark], carries: int, slices: int, rule: Rule, line: str
) -> list[Mark]:
    """A carry once marked stays so; the loop ends where no further carry is marked."""
    start = len(operands) - carries - slices
    while True:
        results = marks(body, operands, rule, line)
        carry = operands[start : start + carries]
        grown = [first(pair) for pair in zip(carry, results, strict=False)]
        if grown == carry:
            return [*grown, *results[carries:]]
        operands = [*operands[:start], *grown, *operands[start + carries :]]


def first(found: Sequence[Mark]) -> Mark:
    """The first mark that there is."""
    return next((mark for mark in found if mark is not None), None)
