"""From a method to its row: build, compile, check; and once it is timed, fill in the figures."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..check.float64 import precisely
from ..check.reference import errors
from ..derivatives import GaveUpError, InfeasibleError, Method, Program
from ..instrument import units
from ..instrument.statistics import ratio
from ..instrument.timing import (
    MIN_ROUNDS,
    Compiled,
    CompileTimeoutError,
    Samples,
    compile_for,
    run_once,
)
from ..program import Obstacle, count, explain, program_hash, underivable
from .experiment import Case
from .notes import diagnose
from .record import Row, medians

#: In a batch, a pass costs at least about this share of a pass alone; a method that would outlast
#: the budget even so is not tried.
_BATCHED = 0.01


class Trial(NamedTuple):
    """A method that was built and checked: its row so far, and what is to be timed.

    Attributes:
        row: What is known before timing.
        compiled: The program; `None` if there is nothing to time.
        seconds: Wall seconds of its first call, to plan with.
    """

    row: Row
    compiled: Compiled | None = None
    seconds: float | None = None


def trial(method: Method, case: Case, value_seconds: float, compile_limit: float) -> Trial:
    """Builds, compiles and checks a method; whatever goes wrong is told in its row.

    Args:
        method: What to try.
        case: The function.
        value_seconds: What one call of the function itself takes.
        compile_limit: Seconds a compilation may take.
    """
    row = Row(method.name, method.mode, method.kind, "ok", method.exact)
    refused = _refused(method, case) or _too_long(method, case, value_seconds)
    if refused:
        return Trial(row._replace(status=refused[0], note=refused[1]))
    try:
        program = method.build(case.problem, case.context)
        compiled = compile_for(program.fn, program.args, limit=compile_limit)
        row = _described(row, method, case, program, compiled)
        needed, limit = row.bytes or 0, case.context.memory_limit
        if needed > limit:
            note = f"out of memory: needs {units.size(needed)} of {units.size(limit)}"
            return Trial(row._replace(status="failed", note=note))
        return _checked(row, method, case, compiled)
    except InfeasibleError as error:
        return Trial(row._replace(status="impossible", note=str(error)))
    except GaveUpError as error:
        return Trial(row._replace(status="skipped", note=str(error)))
    except CompileTimeoutError as error:
        return Trial(row._replace(status="failed", note=str(error)))
    except Exception as error:  # a method that breaks must not take the others with it
        return Trial(row._replace(status="failed", note=_told(underivable(error))))


def finish(
    trials: Sequence[Trial],
    samples: Mapping[str, Samples],
    failed: Mapping[str, Exception],
    floor: float,
) -> tuple[Row, ...]:
    """The rows with their times, and the notes that only times allow."""
    rows = []
    for row, compiled, _ in trials:
        if row.method in failed:
            row = row._replace(status="failed", note=str(failed[row.method]).split("\n")[0])
        elif compiled is not None and row.method in samples:
            taken = samples[row.method]
            wall, cpu = medians(taken)
            times = ratio(taken, samples["value"]) if "value" in samples else None
            row = row._replace(seconds=wall, cpu_seconds=cpu, ratio=times, samples=taken)
            row = row._replace(note=_joined(row.note, diagnose(row, compiled, floor)))
        rows.append(row)
    return tuple(rows)


def _refused(method: Method, case: Case) -> tuple[str, str] | None:
    """Status and note of a method that the function does not allow, or whose mode is wrong."""
    value = case.first.truth.value
    astray = value.size - np.count_nonzero(np.isfinite(value))
    if astray:
        return "failed", f"at this point {astray:,} of {value.size:,} outputs are NaN or infinite"
    if "scalar" in method.needs and not case.problem.scalar:
        return "impossible", f"needs a function of one output, this one has {case.problem.m:,}"
    for need in method.needs:
        if need in case.obstacles:
            return "impossible", _told(case.obstacles[need])
    for mode in method.needs:
        found = case.first.wrong.get(mode) or case.second.wrong.get(mode)
        if found:
            return "wrong", found
    return None


def _too_long(method: Method, case: Case, value_seconds: float) -> tuple[str, str] | None:
    """Status and note of a method that is out of reach by the number of its passes alone."""
    passes = method.evaluations(case.problem.n, case.problem.m)
    least = passes * value_seconds * (1.0 if method.mode == "numerical" else _BATCHED)
    if least * MIN_ROUNDS < case.budget:
        return None
    return "skipped", f"{passes:,} passes, at least {units.seconds(least)} a call"


def _described(row: Row, method: Method, case: Case, program: Program, compiled: Compiled) -> Row:
    """The row with all that can be told before the program is run."""
    flops = count(program.fn, *program.args)
    return row._replace(
        note=program.note,
        bound=method.bound(case.problem.n, case.problem.m) if method.bound else None,
        flops=flops,
        flops_note=explain(flops, compiled.xla_flops) or "",
        xla_flops=compiled.xla_flops,
        memory=compiled.memory,
        compile_seconds=compiled.total_seconds,
        program=program_hash(compiled.hlo),
    )


def _checked(row: Row, method: Method, case: Case, compiled: Compiled) -> Trial:
    """Runs the program once, and lets it be timed only if its result is right."""
    seconds, result = run_once(compiled.call)
    if seconds * MIN_ROUNDS < case.budget:
        seconds, _ = run_once(compiled.call)  # the first call of a program is not like the others
    problem, truth = case.truth_for(method)
    error, deviation = errors(method, result, problem, case.context.probe, truth)
    row = row._replace(error=error if math.isfinite(error) else None)
    verdict = _verdict(method, case, error, deviation)
    if verdict:
        status, note = verdict
        row = row._replace(status=status, note=_joined(row.note, note))
        if status != "ok":
            return Trial(row)
    if seconds * MIN_ROUNDS > case.budget:
        note = f"one call takes {units.seconds(seconds)}: too long for this budget"
        return Trial(row._replace(status="skipped", note=_joined(row.note, note)))
    return Trial(row, compiled, seconds)


def _verdict(method: Method, case: Case, error: float, deviation: float) -> tuple[str, str] | None:
    """Status and note where a result is not simply right.

    A result further off than the square root of its precision is computed again in float64: if it
    is right there, what was seen is rounding, else the derivative is wrong. A candidate is always
    computed again, since nobody else has checked its code. What cannot be computed in float64 is
    right if it is as near as that.
    """
    if not method.exact and method.kind != "estimate":
        finite = math.isfinite(error)
        return None if finite else ("wrong", "the result is not finite")
    dtype = jnp.result_type(*case.problem.x)
    near = deviation <= math.sqrt(float(jnp.finfo(dtype).eps))
    if case.problem.narrow:
        return None if near else ("wrong", f"off by {deviation:.2g} of the largest entry")
    if near and not method.own:
        return None
    wide = _in_float64(method, case)
    if not wide <= max(1e-8, 100 * case.first.precision):
        return "wrong", f"off by {wide:.2g} of the largest entry, even in float64"
    if not math.isfinite(deviation):
        return "wrong", f"not finite in {dtype}, though right in float64"
    return None if near else ("ok", f"rounding leaves an error of {deviation:.1g} in {dtype}")


def _in_float64(method: Method, case: Case) -> float:
    """How far the method is off in float64, where rounding hides nothing."""
    target, truth = case.truth_for(method)
    with precisely(case.problem, case.context.probe) as (problem, probe):
        program = method.build(problem, case.context._replace(probe=probe))
        result = jax.jit(program.fn)(*program.args)
        wide = target._replace(x=problem.x, fixed=problem.fixed)
        return errors(method, result, wide, probe, truth)[1]


def _told(obstacle: Obstacle) -> str:
    place = f" at {obstacle.source}" if obstacle.source else ""
    return f"{obstacle.reason}{place}; use {obstacle.instead}"


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
