"""Families of scenarios that differ in one number alone, such as `memory/scan_T64` and `_T256`."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..comparison.record import Comparison
from ..comparison.row import Row
from ..instrument.fits import Exponent, growth_exponent

_NAME = re.compile(r"(?P<stem>.*\D)(?P<number>\d+)$")
#: The least number of sizes that a curve is drawn through.
_FEWEST = 3


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The time or the memory of one method over the sizes of a family.

    Attributes:
        method: The method's name.
        mode: Its mode.
        sizes: The sizes, ascending.
        values: The seconds or the bytes at each size.
        exponent: The exponent of the power law through them.
    """

    method: str
    mode: str
    sizes: tuple[int, ...]
    values: tuple[float, ...]
    exponent: Exponent


@dataclass(frozen=True, kw_only=True)
class Family:
    """Scenarios whose names differ in the number at their end.

    Attributes:
        stem: The names without that number.
        time: The seconds of each method over the sizes.
        memory: The bytes of each method over the sizes.
    """

    stem: str
    time: tuple[Curve, ...]
    memory: tuple[Curve, ...]


def families(comparisons: Sequence[Comparison]) -> list[Family]:
    """Return the families of at least three sizes among the comparisons.

    Example:
        >>> from dataclasses import replace
        >>> from benchmarks.report.example import EXAMPLE
        >>> members = [replace(EXAMPLE, name=f"memory/scan_T{size}") for size in (4, 9, 16)]
        >>> [family.stem for family in families([*members, EXAMPLE])]
        ['memory/scan_T']
    """
    by_stem: dict[str, dict[int, Comparison]] = {}
    for comparison in comparisons:
        name = _NAME.match(comparison.name)
        if name:
            by_stem.setdefault(name["stem"], {})[int(name["number"])] = comparison
    return [
        Family(
            stem=stem,
            time=_curves(members, lambda row: row.seconds),
            memory=_curves(members, lambda row: row.bytes),
        )
        for stem, members in by_stem.items()
        if len(members) >= _FEWEST
    ]


def curve_cells(curves: Sequence[Curve], show: Callable[[float], str]) -> list[list[str]]:
    """Return curves as a table: a header, then a line for each method.

    Args:
        curves: The curves of a family.
        show: Writes a value with its unit.

    Example:
        >>> exponent = growth_exponent([2, 4, 8], [1.0, 2.0, 4.0])
        >>> line = Curve(
        ...     method="vjp", mode="reverse", sizes=(2, 4, 8), values=(1, 2, 4), exponent=exponent
        ... )
        >>> curve_cells([line], str)
        [['method', '2', '4', '8', 'exponent'], ['vjp', '1', '2', '4', '1.00']]
    """
    sizes = sorted({size for curve in curves for size in curve.sizes})
    lines = [["method", *(str(size) for size in sizes), "exponent"]]
    for curve in curves:
        values = dict(zip(curve.sizes, curve.values, strict=True))
        cells = [show(values[size]) if size in values else "" for size in sizes]
        lines.append([curve.method, *cells, f"{curve.exponent.value:.2f}"])
    return lines


def _curves(
    members: dict[int, Comparison], value_of: Callable[[Row], float | None]
) -> tuple[Curve, ...]:
    """Return a curve for each method that has a value at enough sizes."""
    points: dict[str, list[tuple[int, float]]] = {}
    modes = {}
    for size, comparison in sorted(members.items()):
        for row in comparison.rows:
            value = value_of(row)
            if row.seconds is not None and value:
                points.setdefault(row.method, []).append((size, float(value)))
                modes[row.method] = row.mode
    curves = []
    for method, pairs in points.items():
        if len(pairs) >= _FEWEST:
            sizes, values = zip(*pairs, strict=True)
            exponent = growth_exponent(sizes, values)
            curves.append(
                Curve(
                    method=method,
                    mode=modes[method],
                    sizes=sizes,
                    values=values,
                    exponent=exponent,
                )
            )
    return tuple(curves)
