"""Families of scenarios that differ in one number alone, such as `memory/scan_T64` and `_T256`."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..comparison.record import Comparison
from ..comparison.row import Row
from ..instrument.fits import Exponent, growth_exponent

_NAME = re.compile(r"(?P<stem>.*\D)(?P<number>\d+)$")
#: Fewer sizes than this make no curve.
_FEWEST = 3


class Curve(NamedTuple):
    """A figure of one method over the sizes, and the power law through it."""

    method: str
    mode: str
    sizes: tuple[int, ...]
    values: tuple[float, ...]
    exponent: Exponent


class Family(NamedTuple):
    """A family by the stem of its names, with a curve a method for time and for memory."""

    stem: str
    time: tuple[Curve, ...]
    memory: tuple[Curve, ...]


def families(comparisons: Sequence[Comparison]) -> list[Family]:
    """Find the families among the comparisons, those of at least three sizes."""
    members: dict[str, dict[int, Comparison]] = {}
    for found in comparisons:
        name = _NAME.match(found.name)
        if name:
            members.setdefault(name["stem"], {})[int(name["number"])] = found
    return [
        Family(
            stem,
            _curves(sizes, lambda row: row.seconds),
            _curves(sizes, lambda row: row.bytes),
        )
        for stem, sizes in members.items()
        if len(sizes) >= _FEWEST
    ]


def family_cells(family: Family, figure: str, show: Callable[[float], str]) -> list[list[str]]:
    """Return the curves of a family as a table, a line a method."""
    curves = family.time if figure == "time" else family.memory
    sizes = sorted({size for curve in curves for size in curve.sizes})
    lines = [["method", *(str(size) for size in sizes), "exponent"]]
    for curve in curves:
        known = dict(zip(curve.sizes, curve.values, strict=True))
        cells = [show(known[size]) if size in known else "" for size in sizes]
        lines.append([curve.method, *cells, f"{curve.exponent.value:.2f}"])
    return lines


def _curves(
    sizes: dict[int, Comparison], figure: Callable[[Row], float | None]
) -> tuple[Curve, ...]:
    """Return a curve for each method that has the figure at enough sizes."""
    points: dict[str, list[tuple[int, float]]] = {}
    modes = {}
    for size, found in sorted(sizes.items()):
        for row in found.rows:
            value = figure(row)
            if row.seconds is not None and value:
                points.setdefault(row.method, []).append((size, float(value)))
                modes[row.method] = row.mode
    curves = []
    for method, taken in points.items():
        if len(taken) >= _FEWEST:
            where, values = zip(*taken, strict=True)
            law = growth_exponent(where, values)
            curves.append(Curve(method, modes[method], where, values, law))
    return tuple(curves)
