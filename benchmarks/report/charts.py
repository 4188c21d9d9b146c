"""The report's charts, as SVG in the colours of the page, so that they read in the dark too."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..comparison.findings import Crossover, ModeLine
from ..comparison.record import Comparison
from ..comparison.row import Row
from ..instrument.fits import pareto_front
from .cells import WAYS
from .series import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: One colour a mode, legible on white and on black, and apart for the colour-blind (Wong, 2011).
COLOURS = {
    "none": "#8a8a8a",
    "numerical": "#e69f00",
    "symbolic": "#cc79a7",
    "forward": "#56b4e9",
    "reverse": "#009e73",
    "mixed": "#d55e00",
}
#: The colour of lines and text; in the page they take the colour of its text instead.
_INK = "#010203"


def bars(comparison: Comparison) -> "Figure | None":
    """Draw each method's time over that of the function, with its interval, and its bound."""
    rows = [row for row in comparison.rows if row.ratio is not None]
    if len(rows) < 2:
        return None
    figure, axes = _figure(height=0.55 + 0.3 * len(rows))
    for place, row in enumerate(reversed(rows)):
        _bar(axes, place, row)
    axes.set_yticks(range(len(rows)), [row.method for row in reversed(rows)])
    axes.set_xscale("log")
    axes.set_xlabel("time over that of the function (log); | is the bound")
    _clean(axes)
    return figure


def ways(comparisons: Sequence[Comparison]) -> "Figure | None":
    """Draw the lecture's four ways, a line a scenario: each way's time over the function's."""
    drawn = [found for found in reversed(comparisons) if any(map(_is_way, found.rows))]
    if not drawn:
        return None
    figure, axes = _figure(height=1.0 + 0.32 * len(drawn))
    for name in WAYS:
        points = [
            (row.ratio.median, place)
            for place, found in enumerate(drawn)
            for row in found.rows
            if row.method == name and row.ratio
        ]
        if points:
            axes.scatter(*np.transpose(points), color=COLOURS[name], label=name, s=44, zorder=2)
    names = [f"{found.name} ({found.n:,} to {found.m:,})" for found in drawn]
    axes.set_yticks(range(len(drawn)), names)
    axes.grid(axis="y", color="#8885", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xscale("log")
    axes.set_xlabel("time of the derivative over that of the function (log)")
    _legend(axes, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(WAYS))
    _clean(axes)
    return figure


def _is_way(row: Row) -> bool:
    return row.method in WAYS and row.ratio is not None


def accuracy(comparisons: Sequence[Comparison]) -> "Figure | None":
    """Draw the error of every method against its cost."""
    rows = [
        row
        for found in comparisons
        for row in found.rows
        if row.ratio is not None and row.error and row.kind in ("jacobian", "estimate")
    ]
    if len(rows) < 2:
        return None
    figure, axes = _figure(height=3.6)
    for mode in dict.fromkeys(row.mode for row in rows):
        own = [row for row in rows if row.mode == mode]
        axes.scatter(
            [row.ratio.median for row in own if row.ratio],
            [row.error or np.nan for row in own],
            color=COLOURS[mode],
            label=mode,
            s=28,
            alpha=0.85,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("time over that of the function")
    axes.set_ylabel("largest relative error")
    _legend(axes)
    _clean(axes)
    return figure


def growth(curves: Sequence[Curve], size: str, figure_of: str) -> "Figure":
    """Draw time or memory of each method over the size; in log-log a power law is a line."""
    figure, axes = _figure(height=3.4)
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
    axes.set_ylabel(figure_of)
    _legend(axes, loc="center left", bbox_to_anchor=(1.0, 0.5))  # the lines fill the axes
    _clean(axes)
    return figure


def tradeoff(comparison: Comparison) -> "Figure | None":
    """Draw time against memory of the ways to one derivative, and the front that nothing beats.

    There is no chart, `None`, where one way is the best in both.
    """
    rows = [row for row in comparison.rows if row.kind == "jacobian" and row.seconds and row.bytes]
    costs = np.array([[row.seconds, row.bytes] for row in rows], float).reshape(-1, 2)
    front = pareto_front(costs)
    if len(front) < 2:
        return None
    figure, axes = _figure(height=3.2)
    axes.plot(*costs[front].T, color=_INK, linewidth=0.8)
    for row, (seconds, size) in zip(rows, costs, strict=True):
        axes.scatter(seconds, size, color=COLOURS[row.mode], s=28)
        axes.annotate(
            row.method, (seconds, size), (4, 4), textcoords="offset points", fontsize=7, color=_INK
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("seconds; the line is the front that nothing beats")
    axes.set_ylabel("bytes")
    _clean(axes)
    return figure


def crossover(found: Crossover, outputs: int) -> "Figure":
    """Draw the seconds of a batch of directions in both modes, measured and fitted."""
    figure, axes = _figure(height=3.2)
    for mode in ("forward", "reverse"):
        line: ModeLine = getattr(found, mode)
        sizes = np.geomspace(1, 4 * max(line.sizes), 50)
        fitted = line.intercept.value + line.slope.value * sizes
        axes.plot(sizes, fitted, color=COLOURS[mode], linewidth=1, label=mode)
        axes.scatter(line.sizes, line.seconds, color=COLOURS[mode], s=24)
    cost = found.reverse.intercept.value + found.reverse.slope.value * outputs
    axes.axhline(cost, color=_INK, linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(f"directions in a batch; dotted: reverse mode's {outputs:,} outputs")
    axes.set_ylabel("seconds")
    _legend(axes)
    _clean(axes)
    return figure


def svg(figure: "Figure") -> str:
    """Return a figure as an SVG element whose ink is the page's text colour."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, bbox_inches="tight", metadata=nothing)
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace(_INK, "currentColor")


def _figure(*, height: float) -> tuple["Figure", "Axes"]:
    """Make a figure by Matplotlib's object-oriented interface, which keeps no global state."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, height))
    return figure, figure.subplots()


def _bar(axes: "Axes", place: int, row: Row) -> None:
    assert row.ratio is not None
    median = row.ratio.median
    spread = [[max(median - row.ratio.low, 0.0)], [max(row.ratio.high - median, 0.0)]]
    axes.barh(place, median, color=COLOURS[row.mode], height=0.65)
    axes.errorbar(median, place, xerr=spread, color=_INK, linewidth=1, capsize=2)
    if row.bound is not None:
        axes.plot([row.bound] * 2, [place - 0.4, place + 0.4], color=_INK, linewidth=1.5)


def _legend(axes: "Axes", **place: Any) -> None:
    legend = axes.legend(frameon=False, fontsize=7, **place)
    for text in legend.get_texts():
        text.set_color(_INK)


def _clean(axes: "Axes") -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(_INK)
    axes.tick_params(colors=_INK, which="both", labelsize=8)
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)
    axes.xaxis.label.set_fontsize(9)
    axes.yaxis.label.set_fontsize(9)
