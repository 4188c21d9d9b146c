"""From a culprit to an account of it: the user's operation, its numbers, its line and its cure."""

from collections.abc import Sequence
from contextlib import suppress

import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn

from ..derivatives.problem import Problem
from ..program.custom_rules import OF_USERS, RULES, function_of, rule_of
from ..program.jaxpr import kind
from ..program.labels import label_of
from ..program.primitives import PLACE, PRIMITIVES
from ..program.remedies import ROOT, remedy
from ..program.source import functions_of_jax
from ..program.walk import equations
from .both import Both, arrays, both, floats
from .case import Case
from .culprits import Culprit
from .cure_codes import INPUT
from .cures import cure_of
from .directions import Pace
from .explanation import Explanation
from .float64 import checking
from .numbers_told import numbers_in, told, told_with_result
from .stepping import Step, Stepping, TooLongError, Turn
from .three_programs import (
    NOWHERE,
    Part,
    Place,
    places,
)
from .uses import Use, is_made_of, uses


def account_of(
    culprit: Culprit,
    part: Part,
    modes: tuple[str, ...],
    problem: Problem,
    program: ClosedJaxpr,
    pace: Pace,
) -> Explanation:
    """Say what a culprit is, of the user's function."""
    step = culprit.step
    if step is None:
        what = _input_told(culprit, problem)
        return Explanation(
            what=culprit.fault,
            where=part.name,
            modes=modes,
            happened=what,
            cure=INPUT.text,
            code=INPUT.code,
        )
    with checking():
        place = places(part.program).get(id(step.eqn), NOWHERE)
        use = uses(program).get(-1 if place.label is None else place.label)
        where = use and _where(use)
        run = _users_steps(program, problem, (place.label, where and where.label), step, pace)
        theirs = step if part.name == "value" else run.get(place.label)
        derived = part.name != "value" and not _same_step(step, theirs)
        rule = _rule(program, place.label)
        case = _case(culprit, theirs, use, place, rule, derived=derived)
        cure = cure_of(case)
        offered = remedy(step.line, ROOT) if case.operation == "sqrt" and derived else ""
        return Explanation(
            what=culprit.fault,
            where=part.name,
            modes=modes,
            operation=rule or case.operation,
            derived=derived and not rule.startswith(OF_USERS),
            line=step.line,
            scope=place.scope,
            turns=tuple(map(str, step.turns)),
            happened=_happened(culprit, theirs, derived=derived),
            behind=_behind(use, where, run, culprit),
            cure="; or ".join(filter(None, (cure.text if cure else "", offered))),
            code=cure.code if cure else "",
        )


def _case(
    culprit: Culprit,
    theirs: Step | None,
    use: Use | None,
    place: Place,
    rule: str,
    *,
    derived: bool,
) -> Case:
    assert culprit.step is not None
    eqn = theirs.eqn if theirs else (use.eqn if use else None) or culprit.step.eqn
    functions = functions_of_jax(eqn)
    return Case(
        operation=kind(eqn),
        fault=culprit.fault,
        derived=derived,
        names=frozenset((*place.calls, *functions)),
        use=use,
        dtype=str(jnp.result_type(culprit.step.results[culprit.place].own)),
        rule=rule,
        numbers=numbers_in(theirs, _entry_in(theirs, culprit)) if theirs else (),
        infinite=any(np.any(np.isinf(arrays(p)[0])) for p in culprit.step.operands if floats(p)),
    )


def _users_steps(
    program: ClosedJaxpr,
    problem: Problem,
    labels: Sequence[int | None],
    step: Step,
    pace: Pace,
) -> dict[int | None, Step]:
    """Return some operations of the function as they were run in the turn of a step."""
    here = places(program)
    numbers = _numbers(step.turns)

    def keep(eqn: JaxprEqn, turns: tuple[Turn, ...]) -> bool:
        mine = here.get(id(eqn))
        wanted = mine is not None and mine.label is not None and mine.label in labels
        return wanted and _numbers(turns)[: len(numbers)] == numbers

    def wanted(turns: tuple[Turn, ...]) -> bool:
        mine = _numbers(turns)
        return mine[: len(numbers)] == numbers[: len(mine)]

    walk = Stepping(pace, keep=keep, wanted=wanted)
    with suppress(TooLongError):
        walk.run(program, [both(leaf) for leaf in (*problem.x, *problem.fixed)])
    found: dict[int | None, Step] = {}
    for one in walk.kept:
        found.setdefault(here[id(one.eqn)].label, one)
    return found


def _numbers(turns: Sequence[Turn]) -> tuple[int, ...]:
    return tuple(turn.number for turn in turns)


def _same_step(step: Step, theirs: Step | None) -> bool:
    """Whether a step is the user's own operation, and not a part of its rule."""
    if theirs is None or kind(step.eqn) != kind(theirs.eqn):
        return False
    pairs = list(zip(step.operands, theirs.operands, strict=False))
    return len(step.operands) == len(theirs.operands) and all(_equal(a, b) for a, b in pairs)


def _equal(one: Both, other: Both) -> bool:
    if not (floats(one) and floats(other)):
        return floats(one) == floats(other)
    return np.array_equal(arrays(one)[0], arrays(other)[0], equal_nan=True)


def _rule(program: ClosedJaxpr, label: int | None) -> str:
    """Name the function with a custom rule that an operation is, `""` if it is none."""
    found = ((eqn, line) for eqn, line in equations(program) if label_of(eqn) == label)
    eqn, line = next(found, (None, ""))
    if label is None or eqn is None or kind(eqn) not in RULES:
        return ""
    return rule_of(eqn, line) or function_of(eqn).lstrip("_") or kind(eqn).removesuffix("_call")


def _happened(culprit: Culprit, theirs: Step | None, *, derived: bool) -> str:
    """Write the numbers that went in and came out, in the rule and in the operation."""
    assert culprit.step is not None
    text = told_with_result(culprit.step, culprit.place, culprit.entry)
    if not derived or theirs is None:
        return text
    return f"{text}, at {told(theirs, 0, _entry_in(theirs, culprit))}"


def _entry_in(step: Step, culprit: Culprit) -> tuple[int, ...] | None:
    """Return the entry of a step that is that of the culprit, if both are of one shape."""
    assert culprit.step is not None
    made = culprit.step.results[culprit.place]
    return culprit.entry if np.shape(step.results[0].own) == np.shape(made.own) else None


def _where(use: Use) -> Use | None:
    """Return the first `where` that a result goes into, entry by entry."""
    return next((one for one in use.after(_by_entry) if one.kind == "select_n"), None)


def _by_entry(use: Use) -> bool:
    known = PRIMITIVES.get(use.kind)
    return known is not None and known.depends == PLACE and use.kind != "select_n"


def _behind(
    use: Use | None, where: Use | None, run: dict[int | None, Step], culprit: Culprit
) -> str:
    """Say which `where` does not take the result of an operation, but gets its derivative."""
    step = None if where is None else run.get(where.label)
    if use is None or where is None or step is None:
        return ""
    entry = _entry_in(step, culprit)
    if entry is None:
        return ""
    which = np.broadcast_to(np.asarray(step.operands[0].own), np.shape(step.results[0].own))
    taken = where.operands[1 + int(which[entry])]
    if is_made_of(taken, use):
        return ""
    return f"the where at {where.line} does not take it there, and 0 times it is NaN"


def _input_told(culprit: Culprit, problem: Problem) -> str:
    if culprit.place < 0:
        return "a constant that the function closes over"
    entry = ", ".join(map(str, culprit.entry))
    held = culprit.place - len(problem.x)
    name = f"input {culprit.place}" if held < 0 else f"input {held} of those held fixed"
    return f"{name}[{entry}]" if entry else name
