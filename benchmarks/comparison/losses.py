"""Say of the rows that lost their digits what took them, and where."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial

from ..check.explain import explain, finite_by_steps
from ..check.three_programs import PARTS
from ..derivatives.method import GaveUpError
from ..instrument.deadline import TimeUpError, stopped_after
from ..program.messages import guarded
from .attempt import Attempt
from .endings import joined
from .experiment import Experiment, share_of
from .pace import pace_of

#: The share of the time left until measuring that this may take.
_SHARE = 0.5
#: What a mode's row has where its derivative is of no use.
_NOT_RIGHT = ("wrong", "inaccurate")
#: How the note of a row begins whose result is not finite in its own type alone.
_NOT_FINITE = "not finite in"
#: What is said of a row that is finite all the same.
_COMPILED = "finite as it is compiled; operation by operation it is not"
#: How another row recommends a mode.
_ADVICE = {
    "forward": ("; use forward mode", "; forward mode works"),
    "reverse": ("; use reverse mode", "; reverse mode works"),
}


def with_losses(attempts: Sequence[Attempt], experiment: Experiment) -> list[Attempt]:
    """Return the attempts, those that are inaccurate with what was lost and where in their notes.

    What makes the value inaccurate makes its derivatives so, and is told of all. What there is no
    time to find is not told.
    """
    left = share_of(experiment.limits.left, _SHARE)

    @cache
    def found(mode: str) -> str:
        parts = (mode,) if mode == "value" or mode not in experiment.obstacles else ("forward",)
        problem, probe = experiment.problem, experiment.probe
        why = explain(problem, probe, parts, pace_of(left), known_wrong=True)
        return why.advice if why.what else ""

    def in_time(mode: str) -> str:
        find = partial(guarded, "find where digits go", partial(found, mode), "")
        try:
            text, fault = stopped_after(left(), find, "finding where digits go")
        except TimeUpError:
            return ""
        return text or fault

    def told(one: Attempt) -> Attempt:
        row = one.row
        if row.status != "inaccurate" or row.mode == "numerical":
            return one
        mode = row.mode if row.mode in ("forward", "reverse") else "reverse"
        where = (value_is_off and in_time("value")) or (row.kind != "value" and in_time(mode)) or ""
        note = "; ".join(filter(None, (row.note, where)))
        return one._replace(row=replace(row, note=note))

    value_is_off = any(o.row.kind == "value" and o.row.status == "inaccurate" for o in attempts)
    noted = [told(one) for one in attempts]
    return _without_contradictions([_by_luck(one, noted, experiment, left) for one in noted])


def _by_luck(
    one: Attempt, attempts: Sequence[Attempt], experiment: Experiment, left: Callable[[], float]
) -> Attempt:
    """Return an attempt, one that is finite only as it is compiled with that in its note.

    Another row may then say that the same operation overflows.
    """
    mode = "value" if one.row.kind == "value" else one.row.mode
    astray = any(o.row.status == "inaccurate" and _NOT_FINITE in o.row.note for o in attempts)
    if not astray or one.row.status != "ok" or mode not in PARTS:
        return one
    run = partial(finite_by_steps, experiment.problem, experiment.probe, mode, pace_of(left))
    find = partial(guarded, "run it operation by operation", run, True)
    try:
        by_steps, fault = stopped_after(left(), find, "running operation by operation")
    except (GaveUpError, TimeUpError):
        return one
    note = joined(one.row.note, "" if by_steps else _COMPILED, fault)
    return one._replace(row=replace(one.row, note=note))


def _without_contradictions(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Return the attempts without advice to take a mode that is not right here either."""
    bad = {one.row.mode for one in attempts if one.row.status in _NOT_RIGHT}
    advice = [text for mode in bad for text in _ADVICE.get(mode, ())]

    def told(one: Attempt) -> Attempt:
        note = one.row.note
        for text in advice:
            note = note.replace(text, "")
        return one if note == one.row.note else one._replace(row=replace(one.row, note=note))

    return [told(one) for one in attempts]
