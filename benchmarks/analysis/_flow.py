"""Following a mark through a program, from the inputs and the operations that make it."""

from collections.abc import Callable, Sequence
from typing import Any

from jax.extend.core import JaxprEqn, Literal

from ._jaxpr import called, opened, scan_parts

#: Where a value was spoiled: the equation that did it, or `None` for a sound value.
Mark = JaxprEqn | None
#: `rule(eqn, marks of its operands)` gives the mark of its results.
Rule = Callable[[JaxprEqn, Sequence[Mark]], Mark]


def marks(jaxpr: Any, inputs: Sequence[Mark], rule: Rule) -> list[Mark]:
    """The marks of a jaxpr's results, given those of its inputs."""
    program = opened(jaxpr)
    known = dict(zip(program.invars, inputs, strict=True))

    def read(atoms: Sequence[Any]) -> list[Mark]:
        return [None if isinstance(atom, Literal) else known.get(atom) for atom in atoms]

    for eqn in program.eqns:
        call = called(eqn)
        if call is not None:
            results = marks(call[0], read(call[1]), rule)
        else:
            results = _results(eqn, read(eqn.invars), rule)
        known |= dict(zip(eqn.outvars, results, strict=True))
    return read(program.outvars)


def _results(eqn: JaxprEqn, operands: list[Mark], rule: Rule) -> list[Mark]:
    match eqn.primitive.name:
        case "scan":
            parts = scan_parts(eqn)
            return _loop(eqn.params["jaxpr"], operands, parts.consts, parts.carries, rule)
        case "while":
            skip, consts = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
            return _loop(eqn.params["body_jaxpr"], operands[skip:], consts, len(eqn.outvars), rule)
        case "cond":
            sides = [marks(side, operands[1:], rule) for side in eqn.params["branches"]]
            return [first(side) for side in zip(*sides, strict=True)]
        case _:
            return [rule(eqn, operands)] * len(eqn.outvars) if eqn.outvars else []


def _loop(body: Any, operands: list[Mark], consts: int, carries: int, rule: Rule) -> list[Mark]:
    """A carry once marked stays so; the loop ends where no further carry is marked."""
    fixed, carry = operands[:consts], operands[consts : consts + carries]
    slices = operands[consts + carries :]
    while True:
        results = marks(body, [*fixed, *carry, *slices], rule)
        grown = [first(pair) for pair in zip(carry, results[:carries], strict=True)]
        if [m is None for m in grown] == [m is None for m in carry]:
            return [*grown, *results[carries:]]
        carry = grown


def first(found: Sequence[Mark]) -> Mark:
    """The first mark that there is."""
    return next((mark for mark in found if mark is not None), None)
