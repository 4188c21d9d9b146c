"""`compare_functions`: functions that are to give the same, and their derivatives, side by side."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from ..derivatives.problem import Problem
from ..instrument.clock import time_left
from ..instrument.environment import environment
from ..instrument.samples import Samples
from ..instrument.statistics import ratio
from ..instrument.timing import interleave, run_once
from ..instrument.unwatched import unwatched
from ..program.arguments import Argnums
from ..program.messages import guarded
from .agreement import as_computed, difference, how_compared
from .asked import Settings, check_options
from .attempt import Attempt
from .callee import Usage, named_by, usage_of
from .fastest import Machine, fastest, machine_of
from .findings import Finding
from .function_row import FunctionRow
from .functions import FunctionComparison
from .notebook_line import shown_in_notebook
from .notes import machine_notes
from .row import Row
from .usage import use_line
from .verdict import give_verdict, least_memory
from .work import OnProgress, Work
from .worked import worked

#: The share of the budget and of the time that finding the mode of each function takes.
_CHOOSING, _PREPARING = 0.4, 0.8
_MODES = ("forward", "reverse")


def compare_functions(
    functions: Mapping[str, Callable[..., object]],
    *inputs: object,
    argnums: Argnums = None,
    mode: str | None = None,
    budget: float = 10.0,
    time_limit: float = 60.0,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> FunctionComparison:
    """Measure functions that are to give the same against one another, with their derivatives.

    First their values and their derivatives are compared, in float64 where that is possible: which
    of them differ from the first function, by how much, and where. Then all of them are timed in
    turns. A function's derivative is by the faster of the modes that are right.

    Args:
        functions: The functions by name, the one that the others are held against first.
        *inputs: Their arguments, the same for all.
        argnums: The arguments to differentiate; `None` for every one that holds floats.
        mode: `"forward"` or `"reverse"`, for all functions; `None` for the faster one of each.
        budget: Seconds of measuring, for all functions together.
        time_limit: Seconds after which the comparison is returned, whatever is finished by then.
        seed: Draws the random directions and the order of the measurements.
        on_progress: Told what is being done, and the share of it that is.

    Raises:
        TypeError: If `functions` is no mapping of at least two, or one of them cannot be compared.
        ValueError: If an option is out of range, or there is nothing to differentiate.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import compare_functions
        >>> def loop(x):
        ...     return sum(x[i] ** 2 for i in range(5))
        >>> found = compare_functions(
        ...     {"loop": loop, "dot": lambda x: x @ x}, jnp.arange(5.0), budget=0.2
        ... )
        >>> found.equal
        True
        >>> found = compare_functions(
        ...     {"dot": lambda x: x @ x, "sum": jnp.sum}, jnp.ones(5), budget=0.2
        ... )
        >>> found.row("sum").differs
        'differs from dot in its derivative, by 1: 1 at argument 0[0] where dot has 2'
    """
    _check(functions, mode)
    check_options(budget=budget, time_limit=time_limit, seed=seed)
    left = time_left(time_limit)
    with shown_in_notebook(", ".join(functions), on_progress) as tell:
        made: list[_Function] = []
        for name, fn in functions.items():
            share = _PREPARING * left() / (len(functions) - len(made))
            measuring = _CHOOSING * budget / len(functions)
            methods = [mode] if mode else list(_MODES)
            settings = Settings(methods, (), 1, measuring, share, seed, False)
            made.append(_looked_at(name, fn, inputs, argnums, settings, tell))
        calls = {
            f"{each.name}/{part}": one.compiled.call
            for each in made
            for part, one in (("value", each.value), ("derivative", each.derivative))
            if one is not None and one.compiled is not None
        }
        measuring = min((1 - _CHOOSING) * budget, max(left(), 0.0))
        with unwatched():
            samples, _ = interleave(
                calls, budget=measuring, seed=seed, on_round=partial(tell, "measuring"), left=left
            )
    return _recorded(made, samples, seed)


def _looked_at(
    name: str,
    fn: Callable[..., object],
    inputs: tuple[object, ...],
    argnums: Argnums,
    settings: Settings,
    tell: OnProgress,
) -> "_Function":
    """Check one function by itself, and choose its mode."""
    with _named_in_errors(name):
        work, error = worked(
            fn,
            inputs,
            settings,
            argnums=argnums,
            on_progress=lambda stage, share: tell(f"{name}: {stage}", share),
        )
    if isinstance(error, KeyboardInterrupt):
        raise error
    usage = named_by(name, usage_of(fn, work.problem, argnums, has_aux=False))
    return _Function(name, work, usage, *_chosen(work))


@contextmanager
def _named_in_errors(name: str) -> Iterator[None]:
    """Say which function it is that cannot be compared."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name}: {error}") from error


class _Function(NamedTuple):
    """A function, the programs of it and of its derivative, and how to type that."""

    name: str
    work: Work
    usage: Usage
    value: Attempt | None
    derivative: Attempt | None


def _check(functions: object, mode: str | None) -> None:
    """Raise on what cannot be compared."""
    given = functions.values() if isinstance(functions, Mapping) else ()
    if len(given) < 2 or not all(map(callable, given)):
        raise TypeError(
            "compare_functions needs at least two functions by name, such as "
            f'{{"before": f, "after": g}}, got {functions!r}'[:200]
        )
    if mode not in (None, *_MODES):
        raise ValueError(f"mode must be forward, reverse or None, got {mode!r}")


def _chosen(work: Work) -> tuple[Attempt | None, Attempt | None]:
    """Return the programs of the function and of its fastest derivative that is right."""
    by_name = {one.row.method: one for one in work.attempts}
    rows, problem = work.rows(""), work.problem
    time = give_verdict(rows, problem.n, problem.m, Machine(floor=work.floor())).time
    return by_name.get("value"), by_name.get(str(time.take))


def _recorded(
    made: list[_Function], samples: Mapping[str, Samples], seed: int
) -> FunctionComparison:
    """Return what the measurements come to."""
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


def _values(made: Sequence[_Function]) -> dict[str, Callable[[], object]]:
    """Return the calls of the functions that have been compiled."""
    compiled = {each.name: each.value.compiled for each in made if each.value}
    return {name: one.call for name, one in compiled.items() if one}


def _row(each: _Function, first: _Function, samples: Mapping[str, Samples]) -> FunctionRow:
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


def _why_none(each: _Function) -> str:
    """Say why a function has no derivative here; `""` if it has one."""
    if each.derivative is not None:
        return ""
    tried = [row for row in each.work.rows("there was no time") if row.kind != "value"]
    reasons = [f"{row.method} {row.status} ({row.note.split('; ')[0]})" for row in tried]
    return f"{each.name} has no derivative that is right: {'; '.join(reasons)}"


def _with_time(
    row: Row, part: str, each: _Function, first: _Function, samples: Mapping[str, Samples]
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
