"""From a method to its row: build, compile, check; and once it is timed, fill in the figures."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from ..check.error import deviation
from ..derivatives.method import GaveUpError, InfeasibleError, Method, WrongShapeError
from ..derivatives.problem import Problem
from ..instrument import units
from ..instrument.clock import time_left
from ..instrument.compile import Compiled, CompileTimeoutError, compile_for
from ..instrument.deadline import TimeUpError, stopped_after
from ..instrument.samples import Samples
from ..instrument.statistics import ratio
from ..instrument.timing import MIN_ROUNDS
from ..program.flops import flops, why_xla_differs
from ..program.hlo import program_hash
from ..program.messages import first_line, guarded, underivable, whole_tracebacks
from .experiment import Experiment
from .notes import time_notes
from .pace import Planned, least_of_calls
from .rightness import right_or_wrong
from .row import Row
from .search import Choice, settle

#: Seconds a single compilation may take.
COMPILE_LIMIT = 60.0
#: Least cost of one pass in a batch, as a share of a single pass; a method that exceeds the budget
#: even so is skipped.
_BATCHED = 0.01
#: A method may take this share of the time that is left, so that one leaves some to the others.
_SHARE = 0.5


class Attempt(NamedTuple):
    """A method built, compiled and checked on an experiment.

    Attributes:
        row: What is known before timing.
        compiled: The program to be timed; `None` if there is nothing to time.
        planned: What its first calls took; `None` likewise.
        late: Whether it was left out because time was up.
    """

    row: Row
    compiled: Compiled | None = None
    planned: Planned | None = None
    late: bool = False


def attempt(method: Method, experiment: Experiment) -> Attempt:
    """Build, compile and check a method; whatever goes wrong is told in its row.

    It may take half of the time that is left.
    """
    row = Row(
        method=method.name, mode=method.mode, kind=method.kind, status="ok", exact=method.exact
    )
    refusal = _refusal(method, experiment) or _too_long(method, experiment)
    if refusal:
        row = _ended(row, *refusal)
        least = _least_seconds(method, experiment) if row.status == "skipped" else 0.0
        late = bool(experiment.unchecked) or experiment.limits.left() <= 0
        if experiment.unchecked and method.kind == "value" and experiment.look.seconds:
            return Attempt(dataclasses.replace(row, seconds=experiment.look.seconds), late=late)
        return Attempt(dataclasses.replace(row, at_least=least or None), late=late)
    share = _SHARE * experiment.limits.left()
    try:
        with whole_tracebacks(), stopped_after(share, "building and checking it"):
            return _tried(row, method, experiment, time_left(share))
    except InfeasibleError as error:
        return Attempt(_ended(row, "impossible", str(error)))
    except WrongShapeError as error:
        return Attempt(_ended(row, "wrong", str(error)))
    except (GaveUpError, TimeUpError, CompileTimeoutError) as error:
        return Attempt(_ended(row, "skipped", str(error)), late=not isinstance(error, GaveUpError))
    except Exception as error:  # a method that breaks must not take the others with it
        return Attempt(_ended(row, "failed", str(underivable(error))))


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
        return Attempt(_ended(row, "failed", note))
    return _checked(row, method, experiment, choice, compiled, left)


def not_tried(method: Method, why: str) -> Row:
    """Return the row of a method that nobody came to."""
    note = f"not tried: {why}"
    return Row(
        method=method.name,
        mode=method.mode,
        kind=method.kind,
        status="skipped",
        exact=method.exact,
        note=note,
    )


def timed_rows(
    attempts: Sequence[Attempt],
    samples: Mapping[str, Samples],
    failed: Mapping[str, Exception],
    floor: float,
) -> tuple[Row, ...]:
    """Return the rows with their times, and the notes that only times allow."""
    value = next((one.row for one in attempts if one.row.method == "value"), None)
    return tuple(_timed(one, value, samples, failed, floor) for one in attempts)


def _timed(
    one: Attempt,
    value: Row | None,
    samples: Mapping[str, Samples],
    failed: Mapping[str, Exception],
    floor: float,
) -> Row:
    row = one.row
    if row.method in failed and not isinstance(failed[row.method], TimeUpError):
        return _ended(row, "failed", first_line(failed[row.method]))
    if one.planned is None:
        return row
    if row.method not in samples:
        right = "right, but " if row.status == "ok" else ""
        return _unmeasured(row, one.planned, f"{right}there was no time to measure it")
    taken = samples[row.method]
    row = dataclasses.replace(
        row,
        seconds=taken.seconds,
        cpu_seconds=taken.cpu_seconds,
        ratio=ratio(taken, samples["value"]) if "value" in samples else None,
        samples=taken,
    )
    compiled = one.compiled
    assert compiled is not None
    told, fault = guarded("explain its time", lambda: time_notes(row, value, compiled, floor), "")
    return dataclasses.replace(row, note=_joined(row.note, told, fault))


def _ended(row: Row, status: str, note: str) -> Row:
    return dataclasses.replace(row, status=status, note=note)


def _refusal(method: Method, experiment: Experiment) -> tuple[str, str] | None:
    """Return why a method is not tried: the function does not allow it, or its mode is wrong."""
    if experiment.unchecked:
        return "skipped", experiment.unchecked
    value = experiment.first.truth.value
    astray = value.size - np.count_nonzero(np.isfinite(value))
    if astray:
        return "failed", f"at this point {astray:,} of {value.size:,} outputs are NaN or infinite"
    if "scalar" in method.requires and not experiment.problem.scalar:
        return (
            "impossible",
            f"needs a function of one output, this one has {experiment.problem.m:,}",
        )
    for name in method.requires:
        if name in experiment.obstacles:
            return "impossible", str(experiment.obstacles[name])
    for mode in method.requires:
        unchecked = (experiment.first.unchecked or {}) | (experiment.second.unchecked or {})
        if mode in unchecked:
            return "skipped", unchecked[mode]
        fault = experiment.first.wrong.get(mode) or experiment.second.wrong.get(mode)
        if fault:
            return "wrong", fault
    return None


def _too_long(method: Method, experiment: Experiment) -> tuple[str, str] | None:
    """Return status and note of a method that is out of reach by its passes or its result alone."""
    size = _result_bytes(method, experiment.problem)
    if size > experiment.limits.memory:
        limit = units.size(experiment.limits.memory)
        return "failed", f"out of memory: its result alone is {units.size(size)} of {limit}"
    least, limits = _least_seconds(method, experiment), experiment.limits
    if least * MIN_ROUNDS < limits.budget and least < _SHARE * limits.left():
        return None
    if limits.left() <= 0:
        return "skipped", "not tried: no time was left"
    passes = method.evaluations(experiment.problem.n, experiment.problem.m)
    return "skipped", f"{passes:,} passes, at least {units.seconds(least)} a call"


def _least_seconds(method: Method, experiment: Experiment) -> float:
    """Return the seconds that a call takes at least, by what the function itself takes."""
    passes = method.evaluations(experiment.problem.n, experiment.problem.m)
    whole = method.mode in ("none", "numerical")
    return passes * (1.0 if whole else _BATCHED) * experiment.look.at_least


def _result_bytes(method: Method, problem: Problem) -> int:
    """Return the bytes of a dense result; 0 where a method returns less, or anything at all."""
    if method.kind not in ("jacobian", "hessian") or method.from_user:
        return 0
    width = problem.n if method.kind == "hessian" else problem.m
    return problem.n * width * jnp.result_type(*problem.x).itemsize


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
    why, no_why = "", ""
    if counted is not None:
        why, no_why = guarded("compare two counts", lambda: why_xla_differs(counted, by_xla), None)
    return dataclasses.replace(
        row,
        note=_joined(program.note, no_count, no_memory, no_xla, no_digest, no_why),
        bound=method.bound(n, m) if method.bound else None,
        flops=counted,
        flops_note=why or "",
        xla_flops=by_xla,
        memory=memory,
        compile_seconds=compiled.total_seconds,
        program_hash=digest,
    )


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
        return Attempt(_ended(row, "skipped", _joined(row.note, note)), late=True)
    problem, truth = experiment.truth_for(method)
    measured = deviation(method, planned.result, problem, experiment.probe, truth)
    judged = right_or_wrong(method, experiment, choice, planned.result, measured)
    note = _joined(row.note, judged.note)
    row = dataclasses.replace(row, status=judged.status, note=note, error=judged.error)
    if judged.status != "ok" and method.kind != "value":  # of which every cost is a multiple
        return Attempt(row)
    if planned.seconds * MIN_ROUNDS > experiment.limits.budget:
        return Attempt(_unmeasured(row, planned, "too long for this budget"))
    return Attempt(row, compiled, planned)


def _unmeasured(row: Row, planned: Planned, why: str) -> Row:
    """Return the row of a derivative that is right, and was called too few times to be timed."""
    once = "~" if planned.calls == 1 else ""
    note = f"one call takes {once}{units.seconds(planned.seconds)}: {why}"
    row = dataclasses.replace(row, seconds=planned.seconds)
    return _ended(row, "skipped", _joined(row.note, note))


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
