"""The charts of one comparison."""

import numpy as np

from ..comparison.findings import Crossover, ModeLine
from ..comparison.record import Comparison
from ..instrument import units
from ..instrument.fits import pareto_front
from .columns import by_cost
from .drawing.chart import Dots, Line, Plane, Point, Series
from .measures import MEASURES, TIME, Measure, mark_of, reason


def costs(comparison: Comparison, measure: Measure = TIME) -> Dots | None:
    """Return each method's time over that of the function, with its interval and its bound.

    Args:
        comparison: What was compared.
        measure: What is shown instead of the time.

    Returns:
        The chart, the cheapest method first and what has no figure, with its reason, last; `None`
        if fewer than two rows have a figure.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> [(line.name, line.figure) for line in costs(EXAMPLE).lines]
        [('value', '1 x'), ('reverse', '2 x'), ('forward', '6 x'), ('numerical', '11 x')]
    """
    lines = []
    for row in by_cost(comparison):
        mark, why = mark_of(row, measure), reason(row, measure)
        lines.append(
            Line(
                name=row.method,
                marks=(mark,) if mark else (),
                reasons=(why,) if why else (),
                figure=mark.text if mark else "",
            )
        )
    if sum(bool(line.marks) for line in lines) < 2:
        return None
    lines.sort(key=_place)
    return Dots(
        title=f"{measure.name.capitalize()} of each way to differentiate {comparison.name}",
        axis=measure.axis + ("; | is the bound" if _bounded(lines) else ""),
        show=measure.show,
        lines=tuple(lines),
    )


def _place(line: Line) -> tuple[int, float]:
    """Return what lines are sorted by: the function itself, then the ways by their figures."""
    if line.name == "value":
        return 0, 0.0
    return (1, line.marks[0].value) if line.marks else (2, 0.0)


def _bounded(lines: list[Line]) -> bool:
    return any(mark.bound is not None for line in lines for mark in line.marks)


def by_measure(comparison: Comparison) -> list[tuple[str, Dots]]:
    """Return the charts between which a page switches, each with its name.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> [name for name, _ in by_measure(EXAMPLE)]
        ['time', 'memory', 'compile']
    """
    charts = [(measure.name, costs(comparison, measure)) for measure in MEASURES]
    return [(name, chart) for name, chart in charts if chart]


def tradeoff(comparison: Comparison) -> Plane | None:
    """Return time against memory of the methods, and the Pareto front that no method beats.

    Returns:
        The chart; `None` where one method is the best in both.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> [point.name for series in tradeoff(EXAMPLE).series for point in series.points]
        ['numerical', 'forward', 'reverse']
    """
    rows = [row for row in comparison.rows if row.kind == "jacobian" and row.seconds and row.bytes]
    figures = np.array([[row.seconds, row.bytes] for row in rows], float).reshape(-1, 2)
    front = pareto_front(figures)
    if len(front) < 2:
        return None
    corners = tuple((float(seconds), float(size)) for seconds, size in figures[front])
    series = [Series(name="", mode="none", path=corners)]
    for row, (seconds, size) in zip(rows, figures, strict=True):
        tip = f"{row.method}: {units.seconds(seconds)}, {units.size(size)}"
        point = Point(across=float(seconds), up=float(size), tip=tip, name=row.method)
        series.append(Series(name="", mode=row.mode, points=(point,)))
    return Plane(
        title=f"Time against memory of each way to differentiate {comparison.name}",
        across="time of a call; the line is the front that nothing beats",
        up="memory",
        show=(units.seconds, units.size),
        series=tuple(series),
    )


def crossover(measured: Crossover, outputs: int) -> Plane:
    """Return the seconds of a batch of directions in both modes, measured and fitted.

    Args:
        measured: The batches of both modes and the lines through them.
        outputs: How many outputs the function has; a dotted line shows what reverse mode takes for
            them.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> [series.name for series in crossover(EXAMPLE.crossover, outputs=1).series]
        ['forward', 'reverse', '']
    """
    lines: dict[str, ModeLine] = {"forward": measured.forward, "reverse": measured.reverse}
    most = 4 * max(size for line in lines.values() for size in line.sizes)
    reverse = measured.reverse
    cost = reverse.intercept.value + reverse.slope.value * outputs
    return Plane(
        title="Seconds of a batch of directions in both modes",
        across=f"directions in a batch; dotted: reverse mode's {units.counted(outputs, 'output')}",
        up="time of a batch",
        show=(units.amount, units.seconds),
        series=(
            *(_mode(mode, line, most) for mode, line in lines.items()),
            Series(name="", mode="none", path=((1.0, cost), (float(most), cost)), dotted=True),
        ),
    )


def _mode(mode: str, line: ModeLine, most: int) -> Series:
    """Return the batches of a mode, and the line through them."""
    sizes = np.geomspace(1, most, 24)
    fitted = line.intercept.value + line.slope.value * sizes
    points = tuple(
        Point(across=size, up=seconds, tip=f"{mode}, {size}: {units.seconds(seconds)}")
        for size, seconds in zip(line.sizes, line.seconds, strict=True)
    )
    path = tuple((float(x), float(y)) for x, y in zip(sizes, fitted, strict=True) if y > 0)
    return Series(name=mode, mode=mode, points=points, path=path)
