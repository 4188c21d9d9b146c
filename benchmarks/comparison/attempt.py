"""From a method to its row: build, compile, check; and once it is timed, fill in the figures."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..check.error import deviation
from ..derivatives.method import GaveUpError, InfeasibleError, Method, WrongShapeError
from ..instrument import units
from ..instrument.compile import Compiled, CompileTimeoutError, compile_for
from ..instrument.samples import Samples
from ..instrument.statistics import ratio
from ..instrument.timing import MIN_ROUNDS, run_once
from ..program.flops import flops, why_xla_differs
from ..program.hlo import program_hash
from ..program.messages import first_line, guarded, underivable, whole_tracebacks
from .experiment import Experiment
from .notes import time_notes
from .rightness import right_or_wrong
from .row import Row
from .search import Choice, settle

#: Seconds a single compilation may take.
COMPILE_LIMIT = 60.0
#: Least cost of one pass in a batch, as a share of a single pass; a method that exceeds the budget
#: even so is skipped.
_BATCHED = 0.01


class Attempt(NamedTuple):
    """A method built, compiled and checked on an experiment.

    Attributes:
        row: What is known before timing.
        compiled: The program to be timed; `None` if there is nothing to time.
        seconds: Wall seconds of a call, to plan with.
    """

    row: Row
    compiled: Compiled | None = None
    seconds: float | None = None


def attempt(method: Method, experiment: Experiment, value_seconds: float) -> Attempt:
    """Build, compile and check a method; whatever goes wrong is told in its row.

    Args:
        method: What to try.
        experiment: The function.
        value_seconds: What one call of the function itself takes.
    """
    row = Row(
        method=method.name, mode=method.mode, kind=method.kind, status="ok", exact=method.exact
    )
    refusal = _refusal(method, experiment) or _too_long(method, experiment, value_seconds)
    if refusal:
        return Attempt(_ended(row, *refusal))
    try:
        with whole_tracebacks():
            description = method.build(experiment.problem, experiment.probe)
            choice = settle(description, experiment.first.truth, experiment.limits)
            program = choice.program
            compiled = choice.compiled or compile_for(program.fn, program.args, limit=COMPILE_LIMIT)
            row = _described(row, method, experiment, choice, compiled)
            needed, limit = row.bytes or 0, experiment.limits.memory
            if needed > limit:
                note = f"out of memory: needs {units.size(needed)} of {units.size(limit)}"
                return Attempt(_ended(row, "failed", note))
            return _checked(row, method, experiment, choice, compiled)
    except InfeasibleError as error:
        return Attempt(_ended(row, "impossible", str(error)))
    except WrongShapeError as error:
        return Attempt(_ended(row, "wrong", str(error)))
    except GaveUpError as error:
        return Attempt(_ended(row, "skipped", str(error)))
    except CompileTimeoutError as error:
        return Attempt(_ended(row, "failed", str(error)))
    except Exception as error:  # a method that breaks must not take the others with it
        return Attempt(_ended(row, "failed", str(underivable(error))))


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
    if row.method in failed:
        return _ended(row, "failed", first_line(failed[row.method]))
    if one.compiled is None or row.method not in samples:
        return row
    taken = samples[row.method]
    row = dataclasses.replace(
        row,
        seconds=taken.seconds,
        cpu_seconds=taken.cpu_seconds,
        ratio=ratio(taken, samples["value"]) if "value" in samples else None,
        samples=taken,
    )
    compiled = one.compiled
    told, fault = guarded("explain its time", lambda: time_notes(row, value, compiled, floor), "")
    return dataclasses.replace(row, note=_joined(row.note, told, fault))


def _ended(row: Row, status: str, note: str) -> Row:
    return dataclasses.replace(row, status=status, note=note)


def _refusal(method: Method, experiment: Experiment) -> tuple[str, str] | None:
    """Return why a method is not tried: the function does not allow it, or its mode is wrong."""
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
        fault = experiment.first.wrong.get(mode) or experiment.second.wrong.get(mode)
        if fault:
            return "wrong", fault
    return None


def _too_long(
    method: Method, experiment: Experiment, value_seconds: float
) -> tuple[str, str] | None:
    """Return status and note of a method that is out of reach by the number of its passes alone."""
    passes = method.evaluations(experiment.problem.n, experiment.problem.m)
    least = passes * value_seconds * (1.0 if method.mode == "numerical" else _BATCHED)
    if least * MIN_ROUNDS < experiment.limits.budget:
        return None
    return "skipped", f"{passes:,} passes, at least {units.seconds(least)} a call"


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
    row: Row, method: Method, experiment: Experiment, choice: Choice, compiled: Compiled
) -> Attempt:
    """Run the program once, and let it be timed only if its result is right."""
    budget = experiment.limits.budget
    seconds, result = run_once(compiled.call)
    if seconds * MIN_ROUNDS < budget:
        seconds, _ = run_once(compiled.call)  # the first call of a program is not like the others
    problem, truth = experiment.truth_for(method)
    measured = deviation(method, result, problem, experiment.probe, truth)
    row = dataclasses.replace(row, error=measured.error if math.isfinite(measured.error) else None)
    status, note = right_or_wrong(method, experiment, choice, measured)
    row = dataclasses.replace(row, status=status, note=_joined(row.note, note))
    if status != "ok":
        return Attempt(row)
    if seconds * MIN_ROUNDS > budget:
        note = f"one call takes {units.seconds(seconds)}: too long for this budget"
        return Attempt(_ended(row, "skipped", _joined(row.note, note)))
    return Attempt(row, compiled, seconds)


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
