"""The columns of a comparison's table: rows by their cost, one unit a column."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..comparison.fastest import BUSY
from ..comparison.record import Comparison
from ..comparison.row import Row
from ..instrument import units
from ..instrument.statistics import contention
from .glossary import GLOSSARY

#: The columns that a narrow table goes without, the most dispensable ones first.
SPARE = ("compile", "FLOPs", "bound", "error", "memory", "interval")
#: What is not to be trusted has this behind it; other cells keep its room.
DOUBT, _NO_DOUBT = " ?", "  "
#: An interval whose ends are further apart than this tells little.
_WIDE = 4.0


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: The word that `GLOSSARY` has for it; `"method"` for the first.
        title: The name, with the unit of the column.
        cells: What stands in it, row by row.
    """

    name: str
    title: str
    cells: list[str]

    @property
    def meaning(self) -> str:
        """What the column shows, in one sentence."""
        return GLOSSARY[self.name].short if self.name in GLOSSARY else ""


def by_cost(comparison: Comparison) -> list[Row]:
    """Return the rows: the function itself, the ways by their time, and what has none.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> [row.method for row in by_cost(EXAMPLE)]
        ['value', 'reverse', 'forward', 'numerical']
    """

    def rank(row: Row) -> tuple[int, float]:
        if row.method == "value":
            return 0, 0.0
        known = row.seconds if row.seconds is not None else row.at_least
        return (1, row.seconds or 0.0) if row.status == "ok" else (2, known or float("inf"))

    return sorted(comparison.rows, key=rank)


def columns(comparison: Comparison) -> list[Column]:
    """Return the columns of a comparison's table, those without a cell left out.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> [column.title for column in columns(EXAMPLE)]
        ['method', 'time, us', 'cost', 'memory, B', 'error', 'bound', 'FLOPs', 'compile, ms']
        >>> columns(EXAMPLE)[1].cells
        ['10', '20', '60', '110']
    """
    rows = by_cost(comparison)
    made = [
        Column("method", "method", [row.method for row in rows]),
        _times(rows),
        Column("cost", "cost", [_cost(row) for row in rows]),
        Column("interval", "99 %", [_interval(row) for row in rows]),
        _amounts("memory", rows, lambda row: row.bytes, units.SIZES),
        Column("error", "error", [_error(row) for row in rows]),
        Column("bound", "bound", [f"{row.bound:,.4g} x" if row.bound else "" for row in rows]),
        _flops(rows),
        _amounts("compile", rows, lambda row: row.compile_seconds, units.TIMES),
    ]
    return [column for column in made if any(column.cells)]


def is_doubtful(row: Row) -> bool:
    """Whether a row's time or cost is not to be trusted: it waited, or its interval is wide.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> any(map(is_doubtful, EXAMPLE.rows))
        False
    """
    if row.samples is None or row.ratio is None:
        return False
    if contention(row.samples) > BUSY:
        return True
    interval = row.ratio.interval
    return interval is not None and interval[1] > _WIDE * interval[0]


def _times(rows: Sequence[Row]) -> Column:
    unit, shown = units.in_one_unit([row.seconds for row in rows], units.TIMES)
    cells = []
    for row, cell in zip(rows, shown, strict=True):
        called = cell if row.samples else f"~{cell}"
        cells.append(called if cell else row.status)
    return Column("time", f"time, {unit}" if unit else "time", cells)


def _cost(row: Row) -> str:
    if row.ratio is None:
        return ""
    return f"{units.times(row.ratio.median)} x{DOUBT if is_doubtful(row) else _NO_DOUBT}"


def _interval(row: Row) -> str:
    if row.ratio is None:
        return ""
    if row.interval is None:
        return f"{row.ratio.rounds} samples"
    low, high = map(units.times, row.interval)
    return "" if low == high else f"{low}-{high}"


def _amounts(
    name: str,
    rows: Sequence[Row],
    figure: Callable[[Row], float | None],
    scale: Sequence[tuple[str, float]],
) -> Column:
    unit, cells = units.in_one_unit([figure(row) for row in rows], scale)
    return Column(name, f"{name}, {unit}" if unit else name, cells)


def _flops(rows: Sequence[Row]) -> Column:
    """Return the operations, a range where branches make it one."""
    known = [row.flops if row.flops and row.flops.known else None for row in rows]
    ends = [[each.low if each else None for each in known]]
    ends.append([each.high if each else None for each in known])
    unit, cells = units.in_one_unit([*ends[0], *ends[1]], units.COUNTS)
    pairs = zip(cells[: len(rows)], cells[len(rows) :], strict=True)
    shown = [low if low == high else f"{low}-{high}" for low, high in pairs]
    unknown = [bool(row.flops and not row.flops.known) for row in rows]
    texts = [
        "unknown" if not_known else cell for not_known, cell in zip(unknown, shown, strict=True)
    ]
    return Column("FLOPs", f"FLOPs, {unit}" if unit else "FLOPs", texts)


def _error(row: Row) -> str:
    if row.error is None:
        return "-" if row.status in ("ok", "inaccurate") else ""
    return f"{row.error:.1e}"
