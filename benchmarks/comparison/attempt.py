"""From a method to its row: build, compile, check."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from ..check.error import deviation
from ..derivatives.by_method import Way, structured_passes
from ..derivatives.method import (
    GaveUpError,
    InfeasibleError,
    Method,
    Preparation,
    WrongShapeError,
)
from ..instrument import units
from ..instrument.clock import time_left
from ..instrument.compile import Compiled, CompileTimeoutError, compile_for
from ..instrument.deadline import TimeUpError, stopped_after
from ..instrument.timing import MIN_ROUNDS
from ..program.flops import flops, why_xla_differs
from ..program.hlo import program_hash
from ..program.messages import guarded, underivable, whole_tracebacks
from .endings import called_a_few_times, joined, with_status
from .experiment import Experiment
from .pace import Planned, least_of_calls
from .refusal import SHARE, least_seconds, refusal
from .rightness import right_or_wrong
from .row import Row
from .search import Choice, settle
from .sent import sent_bytes, sent_note

#: Seconds a single compilation may take.
COMPILE_LIMIT = 60.0


class Attempt(NamedTuple):
    """A method built, compiled and checked on an experiment.

    Attributes:
        row: What is known before timing.
        compiled: The program to be timed; `None` if there is nothing to time.
        planned: What its first calls took; `None` likewise.
        late: Whether it was left out because time was up.
        way: The method as it was settled; `None` if it was not built.
    """

    row: Row
    compiled: Compiled | None = None
    planned: Planned | None = None
    late: bool = False
    way: Way | None = None


def attempt(method: Method, experiment: Experiment, *, share: float = SHARE) -> Attempt:
    """Build, compile and check a method; whatever goes wrong is told in its row.

    Args:
        method: What is tried.
        experiment: What it is tried on.
        share: How much of the time that is left it may take.
    """
    row = Row(
        method=method.name,
        mode=method.mode,
        kind=method.kind,
        status="ok",
        exact=method.exact,
        rewrite=method.rewrite,
        passes=structured_passes(method),
    )
    refused = refusal(method, experiment)
    if refused:
        row = with_status(row, *refused)
        least = least_seconds(method, experiment) if row.status == "skipped" else 0.0
        late = bool(experiment.unchecked) or experiment.limits.left() <= 0
        if experiment.unchecked and method.kind == "value" and experiment.look.seconds:
            return Attempt(dataclasses.replace(row, seconds=experiment.look.seconds), late=late)
        return Attempt(dataclasses.replace(row, at_least=least or None), late=late)
    seconds = share * experiment.limits.left()
    try:
        with whole_tracebacks():
            tried = partial(_tried, row, method, experiment, time_left(seconds))
            return stopped_after(seconds, tried, "building and checking it")
    except InfeasibleError as error:
        return Attempt(with_status(row, "impossible", str(error)))
    except WrongShapeError as error:
        return Attempt(with_status(row, "wrong", str(error)))
    except (GaveUpError, TimeUpError, CompileTimeoutError) as error:
        return Attempt(
            with_status(row, "skipped", str(error)), late=not isinstance(error, GaveUpError)
        )
    except Exception as error:  # a method that breaks must not take the others with it
        return Attempt(with_status(row, "failed", str(underivable(error))))


def _tried(row: Row, method: Method, experiment: Experiment, left: Callable[[], float]) -> Attempt:
    description = method.build(experiment.problem, experiment.probe)
    choice = settle(description, experiment.truth_for(method)[1], experiment.limits)
    program = choice.program
    compiled = choice.compiled or compile_for(
        program.fn, program.args, limit=min(left(), COMPILE_LIMIT)
    )
    row = _described(row, method, experiment, choice, compiled)
    needed, limit = row.bytes or 0, experiment.limits.memory
    if needed > limit:
        note = f"out of memory: needs {units.size(needed)} of {units.size(limit)}"
        return Attempt(with_status(row, "failed", note))
    made = program if isinstance(description, Preparation) and method.kind == "jacobian" else None
    way = Way(method, choice.label, made)
    return _checked(row, method, experiment, choice, compiled, left)._replace(way=way)


def not_tried(method: Method, why: str) -> Row:
    """Return the row of a method that nobody came to."""
    note = f"not tried: {why}"
    return Row(
        method=method.name,
        mode=method.mode,
        kind=method.kind,
        status="skipped",
        exact=method.exact,
        rewrite=method.rewrite,
        passes=structured_passes(method),
        note=note,
    )


def _described(
    row: Row, method: Method, experiment: Experiment, choice: Choice, compiled: Compiled
) -> Row:
    """Return the row with all that can be told before the program is run.

    None of it can fail the row: what gradwise cannot find out is a note.
    """
    program, n, m = choice.program, experiment.problem.n, experiment.problem.m
    counted, no_count = guarded("count this", lambda: flops(program.fn, *program.args), None)
    memory, no_memory = guarded("read the memory of this", lambda: compiled.memory, None)
    by_xla, no_xla = guarded("read XLA's count of this", lambda: compiled.xla_flops, None)
    digest, no_digest = guarded("hash this", lambda: program_hash(compiled.hlo), None)
    size_sent, no_sent = guarded("read what this sends", lambda: sent_bytes(compiled.hlo), None)
    sent, _ = guarded("read what this sends", lambda: sent_note(compiled.hlo), "")
    why, no_why = "", ""
    if counted is not None:
        why, no_why = guarded("compare two counts", lambda: why_xla_differs(counted, by_xla), None)
    return dataclasses.replace(
        row,
        note=joined(program.note, sent, no_sent, no_count, no_memory, no_xla, no_digest, no_why),
        bound=method.bound(n, m) if method.bound else None,
        flops=counted,
        flops_note=why or "",
        xla_flops=by_xla,
        memory=memory,
        sent_bytes=size_sent,
        compile_seconds=_compile_seconds(method, experiment, compiled),
        program_hash=digest,
    )


def _compile_seconds(method: Method, experiment: Experiment, compiled: Compiled) -> float:
    """Return the seconds that compiling takes, of a program that JAX may have had already.

    The function itself was compiled for the first look; one that calls back into Python has no key
    by which it would be recognised, and JAX gives its program again in no time.
    """
    first = experiment.look.compile_seconds if method.kind == "value" else 0.0
    return max(compiled.total_seconds, first)


def _checked(
    row: Row,
    method: Method,
    experiment: Experiment,
    choice: Choice,
    compiled: Compiled,
    left: Callable[[], float],
) -> Attempt:
    """Run the program a few times, and let it be timed only if its result is right."""
    limit = left()
    try:
        planned = least_of_calls(compiled.call, limit, experiment.limits.left)
    except TimeUpError as error:
        note = f"{error}; it goes on in the background, where it slows down what follows"
        row = dataclasses.replace(row, at_least=max(limit, 0.0))
        return Attempt(with_status(row, "skipped", joined(row.note, note)), late=True)
    problem, truth = experiment.truth_for(method)
    measured = deviation(method, planned.result, problem, experiment.probe, truth)
    judged = right_or_wrong(method, experiment, choice, planned.result, measured)
    note = joined(row.note, judged.note)
    row = dataclasses.replace(row, status=judged.status, note=note, error=judged.error)
    if judged.status != "ok" and method.kind != "value":  # of which every cost is a multiple
        return Attempt(row)
    if planned.seconds * MIN_ROUNDS > experiment.limits.budget:
        return Attempt(called_a_few_times(row, planned, "too long for this budget"))
    return Attempt(row, compiled, planned)
