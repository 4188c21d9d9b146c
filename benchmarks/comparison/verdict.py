"""Forward or reverse, and why: the answer, drawn from the rows of a comparison."""

from collections.abc import Callable, Sequence

from ..instrument import units
from ..instrument.statistics import Ratio, ratio
from .record import Finding, Row, Verdict

#: What is being chosen between, the first of these that any row computes.
_GOALS = ("jacobian", "hessian", "hvp", "value_and_grad", "vjp", "jvp")
#: Deterministic figures, and those measured once, tie within these factors.
_MEMORY_TIE, _COMPILE_TIE = 1.05, 1.25


def judge(rows: Sequence[Row], n: int, m: int) -> Verdict:
    """The best exact method in time, memory and compile time.

    Only rows whose derivative was found right take part, and none whose error is more than
    rounding. Methods of one mode that tie are one answer, the plainest of them; a tie is declared
    between modes.

    Args:
        rows: The rows of one comparison, the plainest methods first.
        n: Inputs.
        m: Outputs.
    """
    right = [row for row in rows if row.status == "ok" and row.exact]
    goal = next((goal for goal in _GOALS if any(row.kind == goal for row in right)), None)
    rivals = [row for row in right if row.kind == goal and row.samples is not None]
    return Verdict(
        time=_fastest(rivals),
        memory=_least(rivals, lambda row: row.bytes, _MEMORY_TIE, units.size),
        compile=_least(rivals, lambda row: row.compile_seconds, _COMPILE_TIE, units.seconds),
        why=_why(rows, n, m),
    )


def _fastest(rivals: Sequence[Row]) -> Finding:
    if not rivals:
        return _nothing()
    best = min(rivals, key=lambda row: row.seconds or 0.0)
    to_best = {row.method: _ratio(row, best) for row in rivals}
    tied = [row for row in rivals if row is best or to_best[row.method].tie]
    answer = next(row for row in tied if row.mode == best.mode)
    equals = [row for row in tied if row.mode != best.mode]
    if equals:
        names = " and ".join([answer.method, *dict.fromkeys(row.method for row in equals)])
        return Finding("tie", 1.0, equals[0].method, None, f"a tie between {names}")
    over = _next(rivals, best, [row.method for row in tied])
    if over is None:
        return Finding(answer.method, None, None, None, f"{answer.method}, with nothing to beat")
    against = _ratio(over, answer)
    sure = 1 - against.below
    text = (
        f"{answer.method}: {against.median:.3g} times faster than {over.method} "
        f"({against.low:.3g} to {against.high:.3g}, 99 % interval)"
    )
    return Finding(answer.method, against.median, over.method, sure, text)


def _next(rivals: Sequence[Row], best: Row, tied: Sequence[str]) -> Row | None:
    """The fastest of another mode, or else the next of the same."""
    rest = [row for row in rivals if row.method not in tied]
    others = [row for row in rest if row.mode != best.mode]
    return min(others or rest, key=lambda row: row.seconds or 0.0, default=None)


def _ratio(row: Row, base: Row) -> Ratio:
    assert row.samples is not None
    assert base.samples is not None
    return ratio(row.samples, base.samples)


def _least(
    rivals: Sequence[Row],
    figure: Callable[[Row], float | None],
    margin: float,
    show: Callable[[float], str],
) -> Finding:
    """The row of the least `figure`, a deterministic one or one that was taken once."""
    known = [(value, row) for row in rivals if (value := figure(row)) is not None]
    if not known:
        return _nothing()
    least, best = min(known, key=lambda pair: pair[0])
    tied = [row for value, row in known if value <= margin * least]
    answer = next(row for row in tied if row.mode == best.mode)
    equals = [row for row in tied if row.mode != best.mode]
    if equals:
        names = " and ".join([answer.method, *dict.fromkeys(row.method for row in equals)])
        return Finding("tie", 1.0, equals[0].method, None, f"a tie between {names}: {show(least)}")
    rest = [(value, row) for value, row in known if row not in tied]
    others = [(value, row) for value, row in rest if row.mode != best.mode]
    if not rest:
        return Finding(answer.method, None, None, None, f"{answer.method}: {show(least)}")
    value, over = min(others or rest, key=lambda pair: pair[0])
    text = f"{answer.method}: {show(least)} against {show(value)} of {over.method}"
    return Finding(answer.method, value / max(least, 1e-12), over.method, None, text)


def _nothing() -> Finding:
    return Finding(None, None, None, None, "nothing to choose from: no exact derivative was timed")


def _why(rows: Sequence[Row], n: int, m: int) -> str:
    """What a pass costs, and how many of them each mode needs."""
    passes = {"forward": (n, "tangent", "input"), "reverse": (m, "cotangent", "output")}
    single = {"forward": "jvp", "reverse": "vjp"}
    by_name = {row.method: row for row in rows}
    parts = []
    for mode, (count, unit, end) in passes.items():
        one, whole = by_name.get(single[mode]), by_name.get(mode)
        text = f"{mode} needs a {unit} for each of {count:,} {end}{'s' if count != 1 else ''}"
        if one and one.ratio:
            text += f"; one costs {one.ratio.median:.2g} f"
        if whole and whole.ratio and count > 1:
            text += f", {count:,} together {whole.ratio.median:.3g} f"
        parts.append(text)
    return ". ".join(part[0].upper() + part[1:] for part in parts) + "."
