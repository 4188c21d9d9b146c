"""A chart of dots as PNG, by Matplotlib, for what shows no SVG."""

import io
import textwrap
from typing import TYPE_CHECKING

from ..._extras import import_extra
from .chart import Dots, Mark
from .scale import scale_of
from .style import INKS, STYLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Characters of a name or a reason in one line.
_LETTERS = 40


def as_png(chart: Dots) -> bytes:
    """Return a chart as the bytes of a PNG file.

    Raises:
        ImportError: If Matplotlib is missing; `pip install "gradwise[suite]"` has it.

    Example:
        >>> from benchmarks.report.charts import costs
        >>> from benchmarks.report.example import EXAMPLE
        >>> as_png(costs(EXAMPLE))[1:4]
        b'PNG'
    """
    buffer = io.BytesIO()
    figure_of(chart).savefig(buffer, format="png", dpi=150, bbox_inches="tight")
    return buffer.getvalue()


def figure_of(chart: Dots) -> "Figure":
    """Return a chart as a figure, made without Matplotlib's global state."""
    height = 1.0 + 0.32 * len(chart.lines)
    figure = import_extra("matplotlib.figure", "suite").Figure(figsize=(6.4, height))
    axes = figure.subplots()
    axes.set_xscale("log")
    for place, line in enumerate(reversed(chart.lines)):
        for mark in line.marks:
            _mark(axes, place, mark)
    names = [_name(line.name, line.reasons) for line in reversed(chart.lines)]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(-0.6, len(names) - 0.4)
    scale = scale_of(chart.figures)
    axes.set_xlim(scale.low, scale.high)
    axes.set_xticks(scale.ticks(6), [chart.show(tick) for tick in scale.ticks(6)], minor=False)
    axes.set_xticks([], minor=True)
    axes.set_xlabel(chart.axis)
    axes.grid(color="#8885", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INKS["light"], labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if chart.legend:
        _legend(axes, chart)
    return figure


def _name(name: str, reasons: tuple[str, ...]) -> str:
    """Return a name, with what has no figure in its line below it."""
    parts = [name, *(f"× {reason}" for reason in reasons)]
    return "\n".join(textwrap.shorten(part, 2 * _LETTERS) for part in parts)


def _mark(axes: "Axes", place: int, mark: Mark) -> None:
    style, ink = STYLES[mark.mode], INKS["light"]
    face = "none" if style.hollow else style.colour
    if mark.bound is not None:
        axes.plot([mark.bound] * 2, [place - 0.3, place + 0.3], color=ink, linewidth=1.5)
    if mark.ends:
        axes.plot(mark.ends, [place] * 2, color=ink, linewidth=1.2, zorder=1)
    axes.scatter(
        [mark.value], [place], marker=style.marker, s=40, facecolors=face, edgecolors=style.colour
    )


def _legend(axes: "Axes", chart: Dots) -> None:
    modes = dict.fromkeys(mark.mode for line in chart.lines for mark in line.marks)
    for mode in modes:
        style = STYLES[mode]
        axes.scatter([], [], marker=style.marker, color=style.colour, label=mode)
    axes.legend(
        frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(modes)
    )
