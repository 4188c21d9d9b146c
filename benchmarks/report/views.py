"""What a summary shows of each comparison: the columns of what its suite measures."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..comparison.findings import Finding
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
#: A cost whose whole interval is this far above its bound is a breach, and no noise.
_BREACH = 1.1


class View(NamedTuple):
    """The columns of a summary beside those that all have.

    Attributes:
        titles: The titles.
        show: `show(comparison)` returns a cell for each.
        legend: What the figures are, up to the range of the function's own times.
        best: The part of the verdict that is named first, `""` for none.
    """

    titles: tuple[str, ...]
    show: Callable[[Comparison], list[str]]
    legend: str
    best: str = "fastest"

    def finding(self, comparison: Comparison) -> Finding | None:
        """Return the part of a verdict that the view names."""
        parts = {"fastest": comparison.verdict.time, "least": comparison.verdict.memory}
        return parts.get(self.best)


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
        return View(_PRODUCTS, _products, f"{_BREACHED}; {_TIMES}", "")
    return View(WAYS, lambda one: _costs(one, WAYS), _TIMES)


_TIMES = "1 x = one run of the function itself"
_BREACHED = "! = more than theory allows, with certainty"
_BYTES = "bytes of one execution, and its time; 1 x = one run of the function itself"


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


def _products(comparison: Comparison) -> list[str]:
    """Return the cost of each product, with a mark where it is above its bound."""
    rows = {row.method: row for row in comparison.rows}
    costs = _costs(comparison, _PRODUCTS)
    above = [name in rows and _is_above(rows[name]) for name in _PRODUCTS]
    return [f"{cell} !" if breach else cell for cell, breach in zip(costs, above, strict=True)]


def _is_above(row: Row) -> bool:
    """Whether all of a cost's interval is clearly above its bound."""
    return bool(row.interval and row.bound and row.interval[0] > _BREACH * row.bound)


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
    every = [row.method for one in comparisons for row in one.rows if row.kind == "jacobian"]
    titles = tuple(dict.fromkeys(every))

    def show(comparison: Comparison) -> list[str]:
        rows = {row.method: row for row in comparison.rows}
        return [_size(rows[title]) if title in rows else "" for title in titles]

    return View(titles, show, _BYTES, "least")


def _size(row: Row) -> str:
    if row.bytes is None:
        return row.status
    time = f", {units.times(float(f'{row.ratio.median:.2g}'))} x" if row.ratio else ""
    return f"{units.size(row.bytes)}{time}"
