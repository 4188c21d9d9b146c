"""The charts of many comparisons."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..comparison.record import Comparison
from ..comparison.row import Row
from ..instrument import units
from .drawing.chart import Dots, Line, Plane, Point, Series
from .measures import MEASURES, TIME, Measure, mark_of, reason
from .series import Curve
from .views import WAYS


def ways(comparisons: Sequence[Comparison], measure: Measure = TIME) -> Dots | None:
    """Return the lecture's four ways: for each comparison a line of dots, the time of each way.

    Args:
        comparisons: What was compared.
        measure: What is shown instead of the time.

    Returns:
        The chart; `None` if no comparison has any of the four.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> [mark.text for mark in ways([EXAMPLE, EXAMPLE]).lines[0].marks]
        ['11 x', '6 x', '2 x']
    """
    lines = [_line(one, measure) for one in comparisons]
    if not any(line.marks for line in lines):
        return None
    return Dots(
        title=f"{measure.name.capitalize()} of the four ways, scenario by scenario",
        axis=measure.axis,
        show=measure.show,
        lines=tuple(line for line in lines if line.marks or line.reasons),
        legend=True,
        holds=(1.0,) if measure is TIME else (),
    )


def ways_by_measure(comparisons: Sequence[Comparison]) -> list[tuple[str, Dots]]:
    """Return the charts of the four ways between which a page switches, each with its name."""
    charts = [(measure.name, ways(comparisons, measure)) for measure in MEASURES]
    return [(name, chart) for name, chart in charts if chart]


def _line(comparison: Comparison, measure: Measure) -> Line:
    """Return the marks of the four ways, and why those that have none were left out."""
    rows = {row.method: row for row in comparison.rows}
    chosen = [rows[name] for name in WAYS if name in rows]
    marks = [mark_of(row, measure) for row in chosen]
    missing: dict[str, list[str]] = {}
    for row, mark in zip(chosen, marks, strict=True):
        if mark is None:
            missing.setdefault(reason(row, measure), []).append(row.method)
    return Line(
        name=f"{comparison.name} ({comparison.n:,} to {comparison.m:,})",
        marks=tuple(replace(mark, bound=None) for mark in marks if mark),
        reasons=tuple(f"{', '.join(methods)} {why}" for why, methods in missing.items()),
    )


def accuracy(comparisons: Sequence[Comparison], measure: Measure = TIME) -> Plane | None:
    """Return the error of every method against its time over that of the function.

    Args:
        comparisons: What was compared.
        measure: What stands in place of the time.

    Returns:
        The chart; `None` if fewer than two rows have an error and a figure.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> [series.name for series in accuracy([EXAMPLE]).series]
        ['numerical', 'forward', 'reverse']
    """
    points: dict[str, list[Point]] = {}
    for comparison in comparisons:
        for row in comparison.rows:
            point = _of_accuracy(comparison, row, measure)
            if point:
                points.setdefault(row.mode, []).append(point)
    if sum(map(len, points.values())) < 2:
        return None
    return Plane(
        title=f"Error of each way against its {'cost' if measure is TIME else measure.name}",
        across=measure.axis,
        up="largest relative error",
        show=(measure.show, lambda error: f"{error:.0e}"),
        series=tuple(
            Series(name=mode, mode=mode, points=tuple(each)) for mode, each in points.items()
        ),
    )


def accuracy_by_measure(comparisons: Sequence[Comparison]) -> list[tuple[str, Plane]]:
    """Return the charts of errors between which a page switches, each with its name.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> [name for name, _ in accuracy_by_measure([EXAMPLE])]
        ['time', 'memory', 'compile']
    """
    charts = [(measure.name, accuracy(comparisons, measure)) for measure in MEASURES]
    return [(name, chart) for name, chart in charts if chart]


def _of_accuracy(comparison: Comparison, row: Row, measure: Measure) -> Point | None:
    """Return the point of a way to the whole derivative; `None` where it lacks a figure."""
    figure = measure.figure(row)
    if not (figure and row.error and row.kind in ("jacobian", "estimate")):
        return None
    tip = f"{comparison.name}, {row.method}: error {row.error:.1e}, {measure.show(figure)}"
    return Point(across=float(figure), up=row.error, tip=tip)


def scaling(curves: Sequence[Curve], stem: str, what: str, show: Callable[[float], str]) -> Plane:
    """Return the curve of each method over the size; on logarithmic axes a power law is a line.

    Args:
        curves: The curves, of times or of bytes.
        stem: The name of the family.
        what: What the values are.
        show: Writes a value.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> from benchmarks.report.series import families
        >>> members = [replace(EXAMPLE, name=f"scan_T{size}") for size in (4, 9, 16)]
        >>> chart = scaling(families(members)[0].time, "scan_T", "time", units.seconds)
        >>> [series.name for series in chart.series][:2]
        ['value (0.00)', 'numerical (0.00)']
    """
    return Plane(
        title=f"{what.capitalize()} of each method over the size of {stem}…",
        across="size; in brackets the exponent of the growth",
        up=what,
        show=(units.amount, show),
        series=tuple(_curve(curve, show) for curve in curves),
    )


def _curve(curve: Curve, show: Callable[[float], str]) -> Series:
    pairs = tuple(
        (float(size), value) for size, value in zip(curve.sizes, curve.values, strict=True)
    )
    last = len(pairs) - 1  # where the line ends is its name: several ways may have one mode
    points = tuple(
        Point(
            across=size,
            up=value,
            tip=f"{curve.method}, {size:,.0f}: {show(value)}",
            name=curve.method if at == last else "",
        )
        for at, (size, value) in enumerate(pairs)
    )
    name = f"{curve.method} ({curve.exponent.value:.2f})"
    return Series(name=name, mode=curve.mode, points=points, path=pairs)
