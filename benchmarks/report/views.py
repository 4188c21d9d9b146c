"""What a summary shows of each comparison: the columns of what its suite measures."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..comparison.record import Comparison
from ..comparison.row import Row
from ..instrument import units
from .columns import DOUBT, is_doubtful

#: The lecture's four ways to take a derivative, by method.
WAYS = ("numerical", "symbolic", "forward", "reverse")
#: Products with a Jacobian, by method; and what there is of second order, by kind.
_PRODUCTS = ("jvp", "linearize", "vjp", "value_and_grad")
_SECOND = {
    "gradient": "gradient",
    "product": "hvp",
    "diagonal": "diagonal",
    "trace": "trace",
    "Hessian": "hessian",
}


class View(NamedTuple):
    """The columns of a summary beside those that all have.

    Attributes:
        titles: The titles.
        show: `show(comparison)` returns a cell for each.
        legend: What the figures are, up to the range of the function's own times.
    """

    titles: tuple[str, ...]
    show: Callable[[Comparison], list[str]]
    legend: str


def view_of(comparisons: Sequence[Comparison]) -> View:
    """Return the view of comparisons of one suite, by what was measured in them.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> view_of([EXAMPLE]).titles
        ('numerical', 'symbolic', 'forward', 'reverse')
    """
    if all(one.order == 2 for one in comparisons):
        return View(tuple(_SECOND), _second_order, _TIMES)
    suite = comparisons[0].name.partition("/")[0]
    if suite == "memory":
        return _of_memory(comparisons)
    methods = {row.method for one in comparisons for row in one.rows}
    if methods.isdisjoint(WAYS) and not methods.isdisjoint(_PRODUCTS):
        return View(_PRODUCTS, lambda one: _costs(one, _PRODUCTS), _TIMES)
    return View(WAYS, lambda one: _costs(one, WAYS), _TIMES)


_TIMES = "1 x = one run of the function itself"
_BYTES = (
    "bytes of one execution, and in parentheses its time over the function's; 1 x = one run of it"
)


def cost(row: Row) -> str:
    """Write the cost of a row, with a `?` if it is not to be trusted, or why there is none.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> cost(EXAMPLE.row("reverse"))
        '2 x'
    """
    if row.ratio is None:
        return row.status
    return f"{units.times(row.ratio.median)} x{DOUBT if is_doubtful(row) else ''}"


def _costs(comparison: Comparison, methods: Sequence[str]) -> list[str]:
    rows = {row.method: row for row in comparison.rows}
    return [cost(rows[method]) if method in rows else "" for method in methods]


def _second_order(comparison: Comparison) -> list[str]:
    """Return the cost of the cheapest way to each second derivative."""
    return [_cheapest(comparison, kind) for kind in _SECOND.values()]


def _cheapest(comparison: Comparison, kind: str) -> str:
    rows = [row for row in comparison.rows if row.kind == kind]
    timed = [row for row in rows if row.ratio is not None and row.status == "ok"]
    if timed:
        return cost(min(timed, key=lambda row: row.seconds or 0.0))
    return rows[0].status if rows else ""


def _of_memory(comparisons: Sequence[Comparison]) -> View:
    """Return the view of what takes which memory: plain reverse mode, and whatever takes less."""
    kinds = ("value", "jacobian")
    every = [row.method for one in comparisons for row in one.rows if row.kind in kinds]
    titles = tuple(dict.fromkeys(every))

    def show(comparison: Comparison) -> list[str]:
        rows = {row.method: row for row in comparison.rows}
        return [_size(rows[title]) if title in rows else "" for title in titles]

    return View(titles, show, _BYTES)


def _size(row: Row) -> str:
    if row.bytes is None:
        return row.status
    time = f" ({cost(row)})" if row.ratio and row.method != "value" else ""
    return f"{units.size(row.bytes)}{time}"
