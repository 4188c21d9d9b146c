"""The walk through a program on marks: which of some numbers each value may depend on."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from jax.extend.core import JaxprEqn

from ..program.jaxpr import Atom, Program, called, kind, names
from ..program.walk import bind, interpret
from .marks import OPAQUE, Held, Marked, TooLargeError, Value
from .rules import results_of

#: `loop(walk, eqn, operands, the user's line)` returns the results of a loop or a branch.
Loop: TypeAlias = "Callable[[Walk, JaxprEqn, list[Value], str], Sequence[Value]]"

#: What is never computed beforehand: it is long, or it speaks to the outside.
_NEVER_HELD = names("scan while cond pure_callback io_callback debug_callback infeed outfeed")


class Walk:
    """One walk through a program on marks."""

    def __init__(self, left: Callable[[], float], loops: Mapping[str, Loop]) -> None:
        """Start a walk that ends once no seconds are `left()`, and goes round loops in a way."""
        self.left, self.loops = left, loops
        self.unknown: list[str] = []
        self.bound: set[int] = set()

    def run(self, program: Program, inputs: Sequence[Value], line: str = "") -> list[Value]:
        """Walk a program."""
        lifted: Callable[[object], Value] = lambda value: Held(lambda: value)  # noqa: E731
        return interpret(
            program, list(inputs), self.visit, lift=lifted, caller=line, entered=_entered
        )

    def visit(self, eqn: JaxprEqn, operands: list[Value], line: str) -> Sequence[Value]:
        """Pass marks through one equation."""
        self.check_time()
        if not any(isinstance(operand, Marked) for operand in operands):
            return _unmarked(eqn, operands)
        if kind(eqn) in self.loops:
            return self.loops[kind(eqn)](self, eqn, operands, line)
        for operand in operands:
            if isinstance(operand, Held):
                self.bound |= operand.bound
        results, known = results_of(eqn, operands)
        if not known:
            self.unknown.append(f"{kind(eqn)}{line and f' at {line}'}")
        return results

    def check_time(self) -> None:
        """Raise `TooLargeError` if time is up."""
        if self.left() < 0:
            raise TooLargeError("looking for it took too long")


def _entered(eqn: JaxprEqn) -> tuple[Program, Sequence[Atom]] | None:
    """Walk into calls, but for the shares of several devices, whose shapes are others."""
    return None if kind(eqn) == "shard_map" else called(eqn)


def _unmarked(eqn: JaxprEqn, operands: list[Value]) -> Sequence[Value]:
    """Hold what is made of held values alone, to be computed when it is asked for."""
    held = [operand for operand in operands if isinstance(operand, Held)]
    if len(held) < len(operands) or kind(eqn) in _NEVER_HELD:
        return [OPAQUE] * len(eqn.outvars)
    results: list[list] = []

    def result(place: int) -> object:
        if not results:
            results.append(bind(eqn, [operand.array for operand in held]))
        return results[0][place]

    bound = frozenset().union(*(operand.bound for operand in held))
    return [Held(lambda place=place: result(place), bound) for place in range(len(eqn.outvars))]
