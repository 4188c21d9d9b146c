"""The charts of many comparisons."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..comparison.record import Comparison
from ..comparison.row import Row
from .drawing import COLOURS, add_legend, in_times, name_rows, new_figure, style_axes
from .series import Curve
from .views import WAYS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def ways(comparisons: Sequence[Comparison]) -> "Figure | None":
    """Draw the lecture's four ways: for each comparison a line of points, the time of each way.

    Returns:
        The figure; `None` if no comparison has any of the four.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> [dots.get_label() for dots in ways([EXAMPLE, EXAMPLE]).axes[0].collections]
        ['numerical', 'forward', 'reverse']
    """
    charted = [one for one in reversed(comparisons) if any(map(_is_way, one.rows))]
    if not charted:
        return None
    figure, axes = new_figure(height=1.0 + 0.32 * len(charted))
    for name in WAYS:
        points = [
            (row.ratio.median, place)
            for place, comparison in enumerate(charted)
            for row in comparison.rows
            if row.method == name and row.ratio
        ]
        if points:
            axes.scatter(*np.transpose(points), color=COLOURS[name], label=name, s=44, zorder=2)
    name_rows(axes, [f"{one.name} ({one.n:,} to {one.m:,})" for one in charted])
    axes.grid(axis="y", color="#8885", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(in_times)
    axes.set_xlabel("cost: runs of the function that one derivative takes (log)")
    add_legend(axes, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(WAYS))
    style_axes(axes)
    return figure


def _is_way(row: Row) -> bool:
    return row.method in WAYS and row.ratio is not None


def accuracy(comparisons: Sequence[Comparison]) -> "Figure | None":
    """Draw the error of every method against its time over that of the function.

    Returns:
        The figure; `None` if fewer than two rows have an error and a time.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> [dots.get_label() for dots in accuracy([EXAMPLE]).axes[0].collections]
        ['numerical', 'forward', 'reverse']
    """
    rows = [
        row
        for comparison in comparisons
        for row in comparison.rows
        if row.ratio is not None and row.error and row.kind in ("jacobian", "estimate")
    ]
    if len(rows) < 2:
        return None
    figure, axes = new_figure(height=3.6)
    for mode in dict.fromkeys(row.mode for row in rows):
        of_mode = [row for row in rows if row.mode == mode]
        axes.scatter(
            [row.ratio.median for row in of_mode if row.ratio],
            [row.error or np.nan for row in of_mode],
            color=COLOURS[mode],
            label=mode,
            s=28,
            alpha=0.85,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(in_times)
    axes.set_xlabel("cost: runs of the function")
    axes.set_ylabel("largest relative error")
    add_legend(axes)
    style_axes(axes)
    return figure


def scaling(curves: Sequence[Curve], size: str, unit: str) -> "Figure":
    """Draw the curve of each method over the size; on logarithmic axes a power law is a line.

    Args:
        curves: The curves, of times or of bytes.
        size: What the size is, for the axis.
        unit: What the values are, for the other axis.

    Example:
        >>> from dataclasses import replace
        >>> from benchmarks.report.example import EXAMPLE
        >>> from benchmarks.report.series import families
        >>> members = [replace(EXAMPLE, name=f"scan_T{size}") for size in (4, 9, 16)]
        >>> figure = scaling(families(members)[0].time, "size", "seconds")
        >>> [line.get_label() for line in figure.axes[0].lines][:2]
        ['value (0.00)', 'numerical (0.00)']
    """
    figure, axes = new_figure(height=3.4)
    markers = "osv^D<>pP*Xdh"
    for index, curve in enumerate(curves):
        axes.plot(
            curve.sizes,
            curve.values,
            color=COLOURS[curve.mode],
            marker=markers[index % len(markers)],
            markersize=4,
            linewidth=1,
            label=f"{curve.method} ({curve.exponent.value:.2f})",
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(size)
    axes.set_ylabel(unit)
    add_legend(axes, loc="center left", bbox_to_anchor=(1.0, 0.5))  # the lines fill the axes
    style_axes(axes)
    return figure
