"""The turns of a loop run as a whole: only one whose results are not sound is looked into."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax
from jax.extend.core import JaxprEqn

from ..program.jaxpr import Program, kind
from ..program.walk import bind, interpret, itself
from ..program.wide_values import narrow
from ..program.widening import SILENT, widened
from .both import Both, new_faults

_Run = Callable[..., list[Any]]


class Loops:
    """What several runs of one program know of its loops.

    Attributes:
        rounds: How often each loop without a known length went round the first time: it goes no
            more often later, for what was repaired may be what would have ended it.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self.rounds: dict[Hashable, int] = {}
        self._bodies: dict[int, tuple[Program, _Run, _Run] | None] = {}

    def run(self, body: Program, inputs: Sequence[Both]) -> list[Both] | None:
        """Run the body of a loop in both types, compiled; `None` where that cannot be."""
        if id(body) not in self._bodies:
            self._bodies[id(body)] = body, jax.jit(_in_own_types(body)), jax.jit(widened(body))
        runs = self._bodies[id(body)]
        if runs is None:
            return None
        try:
            own = runs[1](*(one.own for one in inputs))
            true = runs[2](*(one.wide for one in inputs))
        except Exception:  # what cannot be compiled may be run one by one
            self._bodies[id(body)] = None
            return None
        return [Both(*pair) for pair in zip(own, true, strict=True)]

    def sound_turn(self, body: Program, inputs: Sequence[Both]) -> list[Both] | None:
        """Run the body of a loop, and return its results if none of them went wrong in it."""
        results = self.run(body, inputs)
        if results is None or any(new_faults(results, inputs)):
            return None
        return results


def _in_own_types(body: Program) -> _Run:
    def visit(eqn: JaxprEqn, operands: list[Any], line: str) -> list[Any]:
        del line
        return [] if kind(eqn) in SILENT else bind(eqn, narrow(eqn.invars, operands))

    return lambda *inputs: interpret(body, list(inputs), visit, lift=itself)
