"""Run a program equation by equation at a point, in its own types and in float64 side by side."""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn

from ..program.jaxpr import Atom, Program, kind, names
from ..program.loops import branch_taken, of_scan, of_while, turn_by_turn
from ..program.source import functions_of_jax
from ..program.walk import bind, by_content, interpret
from ..program.wide_values import narrow, wide_operation
from ..program.widening import SILENT
from .both import Both, Constant, arrays, constant, finite, new_faults, repaired
from .directions import Pace
from .whole_turns import Loops

#: Equations that are run, in all and different ones.
_MOST_RUNS, _MOST_EQUATIONS = 10_000, 1500
_NOT_ONE_BY_ONE = ("shard_map",)
_HANDED_ON = names("broadcast_in_dim convert_element_type copy expand_dims neg reshape squeeze")


class Turn(NamedTuple):
    """One turn of a loop.

    Attributes:
        loop: `"scan"`, `"while"` or `"fori_loop"`.
        line: The user's line of the loop.
        number: Which turn it is, counted from 1.
        turns: How many there are; `None` where nobody knows before.
    """

    loop: str
    line: str
    number: int
    turns: int | None

    def __str__(self) -> str:
        of = "" if self.turns is None else f" of {self.turns}"
        return f"turn {self.number}{of} of the {self.loop}{self.line and f' at {self.line}'}"


class Step(NamedTuple):
    """One equation as it was run.

    Attributes:
        eqn: The equation.
        line: The user's line.
        turns: The turns of the loops that it was run in, the outermost first.
        operands: What went into it.
        results: What came out of it.
        faults: What is wrong with each result though what went in was sound, `""` if nothing:
            `"nan"`, `"infinity"` or `"digits"`.
    """

    eqn: JaxprEqn
    line: str
    turns: tuple[Turn, ...]
    operands: Sequence[Both]
    results: Sequence[Both]
    faults: Sequence[str]


class TooLongError(RuntimeError):
    """The program has more equations than anybody would wait for, or cannot be run one by one."""


class Stepping:
    """One run of a program; what is repaired gets its digits back as soon as it loses them.

    It does not where its operands have lost theirs: then it is not what went wrong first.

    Attributes:
        suspects: The steps of each equation in which it made something wrong of what was sound.
        constant: The steps of each `where` that takes an infinity or NaN of the program's own.
        kept: The steps that `keep` asked for.
    """

    def __init__(
        self,
        pace: Pace,
        mended: Mapping[Hashable, int] | None = None,
        keep: Callable[[JaxprEqn, tuple[Turn, ...]], bool] | None = None,
        wanted: Callable[[tuple[Turn, ...]], bool] = lambda turns: True,
        loops: Loops | None = None,
    ) -> None:
        """Start a run.

        Args:
            pace: How long it may take; the time that is left is looked at before each equation.
            mended: The identities of the equations that are repaired, and how often each may be at
                fault before it is.
            keep: Which steps are to be kept, beside the suspects.
            wanted: In which turns there may be such steps.
            loops: What earlier runs of the program know of its loops.
        """
        self.pace, self.mended, self.keep = pace, mended or {}, keep
        self.loops, self.wanted = loops or Loops(), wanted
        self.suspects: dict[Hashable, list[Step]] = {}
        self.constant: dict[Hashable, list[Step]] = {}
        self.kept: list[Step] = []
        self.turns: tuple[Turn, ...] = ()
        self.runs = 0
        self.seen: set[int] = set()

    def run(self, program: Program, inputs: Sequence[Both], line: str = "") -> list[Both]:
        """Run a program."""
        return interpret(program, list(inputs), self.visit, lift=by_content(constant), caller=line)

    def visit(self, eqn: JaxprEqn, operands: list[Both], line: str) -> Sequence[Both]:
        """Run one equation; a loop goes round as often as it does in its own type."""
        if kind(eqn) in SILENT:
            return []
        if kind(eqn) in _LOOPS:
            return _LOOPS[kind(eqn)](self, eqn, operands, line)
        self.count(eqn)
        own = bind(eqn, narrow(eqn.invars, [operand.own for operand in operands]))
        true = wide_operation(eqn, [operand.wide for operand in operands])
        made = Constant if _moves_constants(eqn, operands) else Both
        results = [made(*pair) for pair in zip(own, true, strict=True)]
        faults = new_faults(results, operands)
        step = Step(eqn, line, self.turns, operands, results, faults)
        at_fault = self.suspects.setdefault(id(eqn), []) if any(faults) else []
        if any(faults):
            at_fault.append(step)
        if not any(faults) and _takes_bad_constant(eqn, operands, results):
            at_fault = self.constant.setdefault(id(eqn), [])
            named = "nan" if np.any(np.isnan(arrays(results[0])[0])) else "infinity"
            at_fault.append(step._replace(faults=[named]))
        if self.keep and self.keep(eqn, self.turns):
            self.kept.append(step)
        mend = id(eqn) in self.mended and len(at_fault) > self.mended[id(eqn)]
        return [repaired(one) for one in results] if mend else results

    def count(self, eqn: JaxprEqn | None) -> None:
        """Count an equation that is run, or a turn that is run as a whole.

        Raises:
            TooLongError: If there are too many, or no time is left.
        """
        self.runs += 1
        self.seen.add(id(eqn))
        too_many = self.runs > _MOST_RUNS or len(self.seen) > _MOST_EQUATIONS
        whole = eqn is not None and kind(eqn) in _NOT_ONE_BY_ONE
        if too_many or whole or self.pace.left() <= 0:
            raise TooLongError

    def turn(self, turn: Turn, program: Program, inputs: Sequence[Both]) -> list[Both]:
        """Run the body of a loop once; one after the first that is sound is run as a whole."""
        outer, self.turns = self.turns, (*self.turns, turn)
        self.count(None)
        skipped = turn.number > 1 and not (self.keep and self.wanted(self.turns))
        results = self.loops.sound_turn(program, inputs) if skipped else None
        results = self.run(program, inputs, turn.line) if results is None else results
        self.turns = outer
        return results


def _moves_constants(eqn: JaxprEqn, operands: Sequence[Both]) -> bool:
    every = bool(operands) and all(isinstance(one, Constant) for one in operands)
    return every and kind(eqn) in _HANDED_ON


def _takes_bad_constant(eqn: JaxprEqn, operands: Sequence[Both], results: Sequence[Both]) -> bool:
    """Whether a `where` takes an infinity or NaN that the program itself holds."""
    return (
        kind(eqn) == "select_n"
        and not finite(results[0])
        and any(isinstance(one, Constant) and not finite(one) for one in operands[1:])
    )


# Loops and branches: `rule(stepping, eqn, operands, line)`.
def _scan(stepping: Stepping, eqn: JaxprEqn, operands: list[Both], line: str) -> list[Both]:
    name, length, given = _called(eqn), eqn.params["length"], of_scan(eqn, operands)

    def turn(body: Program, inputs: list[Both], place: int) -> list[Both]:
        return stepping.turn(Turn(name, line, place + 1, length), body, inputs)

    operands = [*given.consts, *given.carry, *map(_in_rows, given.xs)]
    return turn_by_turn(eqn, operands, turn, row=_row, stacked=_stacked)


def _row(one: Both, place: int) -> Both:
    return Both(one.own[place], one.wide[place])


def _stacked(rows: list[Both], atom: Atom) -> Both:
    del atom
    if not rows:
        raise TooLongError
    return Both(*(jnp.stack(side) for side in zip(*rows, strict=True)))


def _called(loop: JaxprEqn) -> str:
    """Return what the user has called: a `fori_loop` becomes a scan or a while."""
    return "fori_loop" if "fori_loop" in functions_of_jax(loop) else kind(loop)


def _in_rows(one: Both) -> Both:
    """Return stacked numbers in a form whose rows are quickly taken."""
    if jnp.issubdtype(jnp.result_type(one.own), jax.dtypes.extended):
        return one
    return Both(np.asarray(one.own), np.asarray(one.wide))


def _while(stepping: Stepping, eqn: JaxprEqn, operands: list[Both], line: str) -> list[Both]:
    tested, consts, carry = of_while(eqn, operands)
    number = 0
    key = (id(eqn), *(turn.number for turn in stepping.turns))
    most = stepping.loops.rounds.get(key, math.inf)
    condition = eqn.params["cond_jaxpr"]

    def goes_on() -> Any:
        inputs = [*tested, *carry]
        whole = stepping.loops.sound_turn(condition, inputs) if number else None
        return (whole or stepping.run(condition, inputs, line))[0].own

    while number < most and goes_on():
        number += 1
        turn = Turn(_called(eqn), line, number, None)
        carry = stepping.turn(turn, eqn.params["body_jaxpr"], [*consts, *carry])
    stepping.loops.rounds.setdefault(key, number)
    return carry


def _cond(stepping: Stepping, eqn: JaxprEqn, operands: list[Both], line: str) -> list[Both]:
    branch = eqn.params["branches"][branch_taken(eqn, operands[0].own)]
    return stepping.run(branch, operands[1:], line)


_LOOPS: dict[str, Callable[[Stepping, JaxprEqn, list[Both], str], list[Both]]] = {
    "cond": _cond,
    "scan": _scan,
    "while": _while,
}
