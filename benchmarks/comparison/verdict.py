"""Forward or reverse, and why: the answer, drawn from the rows of a comparison."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from ..instrument import units
from ..program.messages import guarded
from .fastest import Machine, fastest
from .findings import Finding, Verdict
from .plainest import plainest, plainest_first, told_equals
from .row import Row
from .why import why

#: Kinds that rows compete in; the first that some row computes is used. Products with a Jacobian
#: are an answer only where no row was to compute all of it.
_PRODUCTS = ("value_and_vjp", "value_and_jvp")
_GOALS = ("jacobian", "hessian", "hvp", "diagonal", "trace", "value_and_grad", *_PRODUCTS)
#: What is answered beside that goal, by the kind of the rows that compete for it.
_BESIDE = {"hvp": "product", "diagonal": "diagonal", "trace": "trace"}
#: Deterministic figures, and those measured once, tie within these factors.
_MEMORY_TIE, _COMPILE_TIE, _COMPILE_TIE_BUSY = 1.05, 1.25, 4.0
#: The verdict where gradwise could not give one.
NO_VERDICT = Verdict(
    time=Finding(text=""), memory=Finding(text=""), compile=Finding(text=""), why=""
)


def give_verdict(
    rows: Sequence[Row],
    n: int,
    m: int,
    machine: Machine = Machine(),  # noqa: B008  (immutable)
) -> Verdict:
    """Name the best exact method in time, memory and compile time.

    Only rows whose derivative was found right take part, and none whose error is more than
    rounding, or that differentiates a rewritten function. Methods of one mode that tie are one
    answer, the plainest of them; a tie is declared between modes.

    Args:
        rows: The rows of one comparison, the plainest methods first.
        n: How many inputs there are.
        m: How many outputs there are.
        machine: What the times were taken on.
    """
    rows = [row for row in rows if not row.rewrite]
    right = [row for row in rows if row.status == "ok" and row.exact]
    goals = [goal for goal in _GOALS if any(row.kind == goal for row in right)]
    if any(row.kind == "jacobian" for row in rows):
        goals = [goal for goal in goals if goal not in _PRODUCTS]
    goal = next(iter(goals), None)
    rivals = [row for row in right if row.kind == goal and row.samples is not None]
    time = fastest(rivals, rows, machine, n=n, m=m)
    quiet = not time.doubt.startswith("busy")
    time = replace(time, take=time.take or time.method or _untimed(rows))
    time = _of_structure(time, rows, n, m)
    least = partial(_least, rivals, n=n, m=m)
    reason, fault = guarded("say why", lambda: why(rows, n, m, costs=quiet), "")
    beside = {
        name: _beside([row for row in right if row.kind == kind], rows, machine, n, m)
        for kind, name in _BESIDE.items()
        if kind != goal and any(row.kind == kind for row in rows)
    }
    return Verdict(
        time=time,
        memory=least_memory(rivals, n, m),
        compile=_quickest_to_compile(least, quiet),
        why=reason or fault,
        **beside,
    )


def _of_structure(time: Finding, rows: Sequence[Row], n: int, m: int) -> Finding:
    """Say that neither mode is needed, where what the function's structure allows is fastest."""
    row = next((row for row in rows if row.method == time.method), None)
    if row is None or row.passes is None:
        return time
    backwards = row.method.startswith("coloured (reverse")
    sizes = units.counted(m, "output") if backwards else units.counted(n, "input")
    few = f"{row.passes:,} pass{'' if row.passes == 1 else 'es'}"
    if row.method.startswith("coloured"):
        few = units.counted(row.passes, "colour")
    said = f"{few} {'does' if row.passes == 1 else 'do'} for {sizes}"
    said = said if row.passes else "it is the same for all inputs"
    return replace(time, text=f"neither: {said}; {time.text}")


def _beside(right: Sequence[Row], rows: Sequence[Row], machine: Machine, n: int, m: int) -> Finding:
    """Name the fastest of some rows of a kind, or say what the only one costs."""
    timed = [row for row in right if row.samples is not None]
    found = fastest(timed, rows, machine, n=n, m=m)
    found = replace(found, take=found.take or found.method)
    if len(timed) == 1 and timed[0].ratio and found.factor is None:
        cost = f"{timed[0].method}: {units.times(timed[0].ratio.median)} times the function"
        return replace(found, text=cost)
    return found


def least_memory(rivals: Sequence[Row], n: int, m: int) -> Finding:
    """Name the row whose execution needs the fewest bytes."""
    return _least(rivals, lambda row: row.bytes, _MEMORY_TIE, units.size, n=n, m=m)


def _untimed(rows: Sequence[Row]) -> str | None:
    """Name what to take where no exact derivative was timed: the fastest that was found right.

    One that is exact comes before those that are not.
    """
    whole = ("jacobian", "hessian")
    right = [row for row in rows if row.is_right and row.kind in whole]
    best = min(right, key=lambda row: (not row.exact, row.seconds or math.inf), default=None)
    return best.method if best else None


def _quickest_to_compile(least: Callable[..., Finding], quiet: bool) -> Finding:
    """Name the row that compiles fastest; what was compiled once on a busy machine tells little."""
    margin = _COMPILE_TIE if quiet else _COMPILE_TIE_BUSY
    compiled = least(lambda row: row.compile_seconds, margin, units.seconds)
    if quiet or compiled.method != "tie":
        return compiled
    text = compiled.text.replace("a tie between", "cannot tell between", 1)
    text = f"{text}, on a busy machine"
    return Finding(over=compiled.over, take=compiled.take, doubt="busy", text=text)


def _tie(answer: Row, equals: Sequence[Row], take: Row, figure: str) -> Finding:
    text = f"a tie between {answer.method} and {told_equals(equals)}{figure and f': {figure}'}"
    over = equals[0].method
    return Finding(method="tie", factor=1.0, over=over, take=take.method, text=text)


def _least(
    rivals: Sequence[Row],
    figure: Callable[[Row], float | None],
    margin: float,
    show: Callable[[float], str],
    *,
    n: int,
    m: int,
) -> Finding:
    """Name the row of the least `figure`, a deterministic one or one that was taken once."""
    known = [(value, row) for row in rivals if (value := figure(row)) is not None]
    if not known:
        return _nothing()
    least, best = min(known, key=lambda pair: pair[0])
    tied = [row for value, row in known if value <= margin * least]
    answer = next(row for row in tied if row.mode == best.mode)
    equals = [row for row in tied if row.mode != best.mode]
    if equals:
        take = plainest([answer, *equals], n, m)
        return _tie(*plainest_first(answer, equals, n, m), take, show(least))
    rest = [(value, row) for value, row in known if row not in tied]
    others = [(value, row) for value, row in rest if row.mode != best.mode]
    if not rest:
        text = f"{answer.method}: {show(least)}"
        return Finding(method=answer.method, take=answer.method, text=text)
    value, over = min(others or rest, key=lambda pair: pair[0])
    return Finding(
        method=answer.method,
        factor=value / max(least, 1e-12),
        over=over.method,
        take=answer.method,
        text=f"{answer.method}: {show(least)} against {show(value)} of {over.method}",
    )


def _nothing() -> Finding:
    return Finding(text="nothing to choose from: no exact derivative was timed")
