"""The charts of one comparison."""

from typing import TYPE_CHECKING

import numpy as np

from ..comparison.findings import Crossover, ModeLine
from ..comparison.record import Comparison
from ..comparison.row import Row
from ..instrument.fits import pareto_front
from .columns import by_cost
from .drawing import COLOURS, INK, add_legend, in_times, name_rows, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def bars(comparison: Comparison) -> "Figure | None":
    """Draw each method's time over that of the function, with its interval, and its bound.

    Returns:
        The figure; `None` if fewer than two rows have a time.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> [label.get_text() for label in bars(EXAMPLE).axes[0].get_yticklabels()]
        ['numerical', 'forward', 'reverse', 'value']
    """
    rows = [row for row in by_cost(comparison) if row.ratio is not None]
    if len(rows) < 2:
        return None
    figure, axes = new_figure(height=0.55 + 0.3 * len(rows))
    for place, row in enumerate(reversed(rows)):
        _bar(axes, place, row)
    name_rows(axes, [row.method for row in reversed(rows)])
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(in_times)
    axes.set_xlabel("cost: runs of the function (log); | is the bound")
    style_axes(axes)
    return figure


def tradeoff(comparison: Comparison) -> "Figure | None":
    """Draw time against memory of the methods, and the Pareto front that no method beats.

    Returns:
        The figure; `None` where one method is the best in both.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> [text.get_text() for text in tradeoff(EXAMPLE).axes[0].texts]
        ['numerical', 'forward', 'reverse']
    """
    rows = [row for row in comparison.rows if row.kind == "jacobian" and row.seconds and row.bytes]
    costs = np.array([[row.seconds, row.bytes] for row in rows], float).reshape(-1, 2)
    front = pareto_front(costs)
    if len(front) < 2:
        return None
    figure, axes = new_figure(height=3.2)
    axes.plot(*costs[front].T, color=INK, linewidth=0.8)
    for row, (seconds, size) in zip(rows, costs, strict=True):
        axes.scatter(seconds, size, color=COLOURS[row.mode], s=28)
        axes.annotate(
            row.method, (seconds, size), (4, 4), textcoords="offset points", fontsize=7, color=INK
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("seconds; the line is the front that nothing beats")
    axes.set_ylabel("bytes")
    style_axes(axes)
    return figure


def crossover(measured: Crossover, outputs: int) -> "Figure":
    """Draw the seconds of a batch of directions in both modes, measured and fitted.

    Args:
        measured: The batches of both modes and the lines through them.
        outputs: How many outputs the function has; a dotted line shows what reverse mode takes for
            them.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> crossover(EXAMPLE.crossover, outputs=1).axes[0].get_ylabel()
        'seconds'
    """
    figure, axes = new_figure(height=3.2)
    for mode in ("forward", "reverse"):
        line: ModeLine = getattr(measured, mode)
        sizes = np.geomspace(1, 4 * max(line.sizes), 50)
        fitted = line.intercept.value + line.slope.value * sizes
        axes.plot(sizes, fitted, color=COLOURS[mode], linewidth=1, label=mode)
        axes.scatter(line.sizes, line.seconds, color=COLOURS[mode], s=24)
    reverse = measured.reverse
    cost = reverse.intercept.value + reverse.slope.value * outputs
    axes.axhline(cost, color=INK, linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(f"directions in a batch; dotted: reverse mode's {outputs:,} outputs")
    axes.set_ylabel("seconds")
    add_legend(axes)
    style_axes(axes)
    return figure


def _bar(axes: "Axes", place: int, row: Row) -> None:
    """Draw a row at the height `place`."""
    assert row.ratio is not None
    median = row.ratio.median
    low, high = row.ratio.interval or (median, median)
    spread = [[max(median - low, 0.0)], [max(high - median, 0.0)]]
    axes.barh(place, median, color=COLOURS[row.mode], height=0.65)
    axes.errorbar(median, place, xerr=spread, color=INK, linewidth=1, capsize=2)
    if row.bound is not None:
        axes.plot([row.bound] * 2, [place - 0.4, place + 0.4], color=INK, linewidth=1.5)
