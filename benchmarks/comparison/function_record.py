"""The record of several functions side by side, from what was measured of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from ..derivatives.problem import Problem
from ..instrument.environment import environment
from ..instrument.samples import Samples
from ..instrument.statistics import ratio
from ..instrument.timing import run_once
from ..program.messages import guarded
from .agreement import as_computed, difference, how_compared
from .attempt import Attempt
from .callee import Usage
from .fastest import Machine, fastest, machine_of
from .findings import Finding
from .function_row import FunctionRow
from .functions import FunctionComparison
from .notes import machine_notes
from .row import Row
from .usage import use_line
from .verdict import least_memory
from .work import Work


class Function(NamedTuple):
    """A function, the programs of it and of its derivative, and how to type that."""

    name: str
    work: Work
    usage: Usage
    value: Attempt | None
    derivative: Attempt | None


def recorded(made: list[Function], samples: Mapping[str, Samples], seed: int) -> FunctionComparison:
    """Return what the measurements come to.

    Args:
        made: The functions; the others are held against the first one.
        samples: What was measured, by a function's name and `"/value"` or `"/derivative"`.
        seed: What the measurements were drawn by.
    """
    here, _ = guarded("describe this machine", environment, {})
    first, problem = made[0], made[0].work.problem
    floor = min(run_once(first.work.nothing)[0] for _ in range(3))
    machine = machine_of(floor, here)
    rows = [_row(each, first, samples) for each in made]
    values = [_named(row.name, row.value) for row in rows]
    derivatives = [_named(row.name, row.derivative) for row in rows if row.derivative]
    same, notes = how_compared([each.work for each in made]), machine_notes(samples)
    differing = any(row.differs for row in rows)
    alike = {} if differing or not samples else _values(made)
    apart, _ = guarded("compare values as computed", partial(as_computed, alike), "")
    notes = (*filter(None, (*map(_why_none, made), apart)), *notes)
    return FunctionComparison(
        name=", ".join(each.name for each in made),
        rows=tuple(rows),
        time=_fastest(derivatives, machine, problem),
        value=_fastest(values, machine, problem),
        memory=least_memory(_timed(derivatives), problem.n, problem.m),
        same="" if differing else same,
        n=problem.n,
        m=problem.m,
        dtype=str(problem.x[0].dtype),
        notes=notes,
        seed=seed,
        environment=here,
    )


def _values(made: Sequence[Function]) -> dict[str, Callable[[], object]]:
    """Return the calls of the functions that have been compiled."""
    compiled = {each.name: each.value.compiled for each in made if each.value}
    return {name: one.call for name, one in compiled.items() if one}


def _row(each: Function, first: Function, samples: Mapping[str, Samples]) -> FunctionRow:
    differs = "" if each is first else difference(first.name, first.work, each.work)
    value = each.value.row if each.value else next(iter(each.work.rows("")))
    derivative = each.derivative
    row = None
    if derivative is not None:
        use = use_line(derivative.way, each.usage) if derivative.way else ""
        timed = _with_time(derivative.row, "derivative", each, first, samples)
        row = replace(timed, use=use)
    return FunctionRow(
        name=each.name,
        value=_with_time(value, "value", each, first, samples),
        derivative=row,
        differs=differs,
    )


def _why_none(each: Function) -> str:
    """Say why a function has no derivative here; `""` if it has one."""
    if each.derivative is not None:
        return ""
    tried = [row for row in each.work.rows("there was no time") if row.kind != "value"]
    reasons = [f"{row.method} {row.status} ({row.note.split('; ')[0]})" for row in tried]
    return f"{each.name} has no derivative that is right: {'; '.join(reasons)}"


def _with_time(
    row: Row, part: str, each: Function, first: Function, samples: Mapping[str, Samples]
) -> Row:
    """Return a row with its time, and the ratio of that to the first function's."""
    taken, base = samples.get(f"{each.name}/{part}"), samples.get(f"{first.name}/{part}")
    if taken is None:
        return row
    over = ratio(taken, base) if base is not None else None
    return replace(
        row, seconds=taken.seconds, cpu_seconds=taken.cpu_seconds, ratio=over, samples=taken
    )


def _named(name: str, row: Row) -> Row:
    """Return a row under the name of its function, so that the functions are what compete."""
    return replace(row, method=name, mode=name, kind="jacobian")


def _timed(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.samples is not None]


def _fastest(rows: list[Row], machine: Machine, problem: Problem) -> Finding:
    found = fastest(_timed(rows), rows, machine, n=problem.n, m=problem.m)
    return replace(found, take=found.take or found.method)
