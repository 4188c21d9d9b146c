"""The walk through a program on marks: which of some numbers each value may depend on."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from jax.extend.core import JaxprEqn

from ...program.jaxpr import Program, kind, names, shape
from ...program.primitives import index_places
from ...program.walk import by_content, calls_but, interpret
from .held import OPAQUE, computed, held
from .linear import is_linear
from .marks import Held, Marked, TooLargeError, Value, union
from .mixing import mixed
from .rules import results_of

#: `loop(walk, eqn, operands, the user's line)` returns the results of a loop or a branch.
Loop: TypeAlias = "Callable[[Walk, JaxprEqn, list[Value], str], Sequence[Value]]"

#: What is never computed beforehand: it is long, or it speaks to the outside.
_NEVER_HELD = names("scan while cond pure_callback io_callback debug_callback infeed outfeed")
#: Constants of more numbers than this are not computed, and so not known.
_MOST_HELD = 20_000_000
#: Entries that a walk may make in all: a program's values are kept to its end.
_MOST_MADE = 200_000_000
#: Random draws.
_DRAWS = names("random_bits random_fold_in random_seed random_split random_wrap threefry2x32")
#: What is walked into by `loops` alone.
_OWN = names("custom_linear_solve shard_map")


class Walk:
    """One walk through a program on marks.

    Attributes:
        left: How many seconds are left.
        loops: How loops, branches and solves are walked.
        unknown: The operations that no rule is known for.
        curved: Those that are not linear in what is marked.
        bound: The places of the arguments whose values have decided something.
    """

    def __init__(self, left: Callable[[], float], loops: Mapping[str, Loop]) -> None:
        """Start a walk."""
        self.left, self.loops = left, loops
        self.unknown: list[str] = []
        self.curved: list[str] = []
        self.bound: set[int] = set()
        self._made = 0

    def run(self, program: Program, inputs: Sequence[Value], line: str = "") -> list[Value]:
        """Walk a program."""
        # Walk into calls, but for solves, and the shares of devices, whose shapes are others.
        entered = calls_but(_OWN)
        return interpret(
            program, list(inputs), self.visit, lift=by_content(held), caller=line, entered=entered
        )

    def visit(self, eqn: JaxprEqn, operands: list[Value], line: str) -> Sequence[Value]:
        """Pass marks through one equation."""
        self.check_time()
        operands = [OPAQUE if isinstance(o, Marked) and not o.rows.nnz else o for o in operands]
        if not any(isinstance(operand, Marked) for operand in operands):
            return _unmarked(eqn, operands, self.check_time)
        if kind(eqn) in self.loops:
            return self.loops[kind(eqn)](self, eqn, operands, line)
        told = f"{kind(eqn)}{line and f' at {line}'}"
        if not is_linear(eqn, operands):
            self.curved.append(told)
            return mixed(eqn, operands)
        operands = self._bind(eqn, operands)
        results, known = results_of(eqn, operands)
        for others in _rounded(operands):
            results = [
                _both(*pair) for pair in zip(results, results_of(eqn, others)[0], strict=True)
            ]
        if not known:
            self.unknown.append(told)
        self._count(operands, results)
        return results

    def _bind(self, eqn: JaxprEqn, operands: list[Value]) -> list[Value]:
        """Bind the arguments that decide on places; of masks among them nothing is assumed."""
        if kind(eqn) == "select_n" or not index_places(eqn):
            return [OPAQUE if isinstance(o, Held) and o.bound else o for o in operands]
        self.bound |= frozenset().union(*(o.bound for o in operands if isinstance(o, Held)))
        return operands

    def _count(self, operands: Sequence[Value], results: Sequence[Value]) -> None:
        before = {id(o.rows) for o in operands if isinstance(o, Marked)}
        new = [r for r in results if isinstance(r, Marked) and id(r.rows) not in before]
        self._made += _entries(new)
        if self._made > _MOST_MADE:
            raise TooLargeError(f"patterns of {self._made:,} entries in all")

    def check_time(self) -> None:
        """Raise `TooLargeError` if time is up."""
        if self.left() < 0:
            raise TooLargeError("looking for it took too long")


def _entries(values: Sequence[Value]) -> int:
    return sum(value.rows.nnz for value in values if isinstance(value, Marked))


def _rounded(operands: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """Yield the operands with what is held of them rounded otherwise, where that decides."""
    for side in (1, 2):
        others = [o.rounded(side) if isinstance(o, Held) else o for o in operands]
        if any(one is not other for one, other in zip(operands, others, strict=True)):
            yield others


def _both(one: Value, other: Value) -> Value:
    """Return a result that is one of two, as places are rounded."""
    if not isinstance(one, Marked) or not isinstance(other, Marked):
        return one if isinstance(one, Marked) else other
    return Marked(union([one.rows, other.rows]), one.shape)


def _unmarked(
    eqn: JaxprEqn, operands: list[Value], check_time: Callable[[], None]
) -> Sequence[Value]:
    """Hold what is made of held values alone, to be computed when it is asked for."""
    known = [operand for operand in operands if isinstance(operand, Held)]
    large = any(math.prod(shape(v)) > _MOST_HELD for v in eqn.outvars)
    if len(known) < len(operands) or kind(eqn) in _NEVER_HELD | _OWN or large:
        return [OPAQUE] * len(eqn.outvars)
    results: list[Sequence[Any]] = []

    def result(place: int) -> Sequence[Any]:
        check_time()
        if not results:
            results.extend(computed(eqn, known))
        return results[place]

    bound = frozenset().union(*(operand.bound for operand in known))
    if bound and kind(eqn) in _DRAWS:  # what is drawn is another thing for each key
        return [OPAQUE] * len(eqn.outvars)
    return [
        Held(lambda place=place: result(place), bound, known) for place in range(len(eqn.outvars))
    ]
