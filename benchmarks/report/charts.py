"""The report's figures, as SVG in the colours of the page, so that it reads in the dark too."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..comparison import Comparison, Row

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
#: Drawn in this grey, and then let follow the text of the page.
_INK = "#010203"


def bars(comparison: Comparison) -> "Figure | None":
    """Time over that of the function for each method: intervals, and bounds as ticks."""
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


def accuracy(comparisons: Sequence[Comparison]) -> "Figure | None":
    """Error against cost of every method: the lecture's four ways in one picture."""
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
            [row.error for row in own],
            color=COLOURS[mode],
            label=mode,
            s=28,
            alpha=0.85,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("time over that of the function")
    axes.set_ylabel("largest relative error")
    legend = axes.legend(frameon=False, fontsize=8)
    for text in legend.get_texts():
        text.set_color(_INK)
    _clean(axes)
    return figure


def svg(figure: "Figure") -> str:
    """The figure as an SVG element whose ink is the page's text colour."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, bbox_inches="tight", metadata=nothing)
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace(_INK, "currentColor")


def _figure(*, height: float) -> tuple["Figure", "Axes"]:
    """A figure of the object-oriented interface: no global state, nothing to be closed."""
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


def _clean(axes: "Axes") -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(_INK)
    axes.tick_params(colors=_INK, which="both", labelsize=8)
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)
    axes.xaxis.label.set_size(9)
    axes.yaxis.label.set_size(9)
