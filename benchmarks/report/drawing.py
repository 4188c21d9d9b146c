"""What all charts share: colours, axes, legends, and the way into the page.

Text and lines take the colour of the page's text, so that a chart reads in the dark too.
"""

import io
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .._extras import import_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: A colour for each mode: legible on white and on black, and distinct for the colour-blind (Wong,
#: 2011).
COLOURS = {
    "none": "#8a8a8a",
    "numerical": "#e69f00",
    "symbolic": "#cc79a7",
    "forward": "#56b4e9",
    "reverse": "#009e73",
    "mixed": "#d55e00",
}
#: Characters of a name beside a chart, in one line.
_LONGEST_NAME = 40
#: The colour of lines and text, which `svg` replaces by that of the page's text.
INK = "#010203"


def new_figure(*, height: float) -> tuple["Figure", "Axes"]:
    """Return a figure and its axes, made without Matplotlib's global state.

    Example:
        >>> figure, axes = new_figure(height=2.0)
        >>> float(figure.get_figheight())
        2.0
    """
    figure = import_extra("matplotlib.figure", "suite").Figure(figsize=(6.4, height))
    return figure, figure.subplots()


def add_legend(axes: "Axes", **place: Any) -> None:
    """Add a legend; `place` goes to Matplotlib's `legend`.

    Example:
        >>> figure, axes = new_figure(height=2.0)
        >>> _ = axes.plot([1, 2], label="reverse")
        >>> add_legend(axes, loc="upper left")
        >>> [text.get_text() for text in axes.get_legend().get_texts()]
        ['reverse']
    """
    drawn = axes.legend(frameon=False, fontsize=7, **place)
    for text in drawn.get_texts():
        text.set_color(INK)


def name_rows(axes: "Axes", names: Sequence[str]) -> None:
    r"""Name the heights 0, 1, ...; a long name has several lines and leaves the chart its room.

    Example:
        >>> figure, axes = new_figure(height=2.0)
        >>> name_rows(axes, ["reverse", "a_module:a_function_that_has_a_very_long_name"])
        >>> [label.get_text() for label in axes.get_yticklabels()]
        ['reverse', 'a_module:a_function_that_has_a_very_long\n_name']
    """
    labels = [textwrap.fill(name, _LONGEST_NAME, break_on_hyphens=False) for name in names]
    axes.set_yticks(range(len(labels)), labels)


def in_times(value: float, place: float) -> str:
    """Write the tick of a cost.

    Example:
        >>> in_times(0.1, 0), in_times(1000.0, 1)
        ('0.1 x', '1,000 x')
    """
    del place
    return f"{value:,.10g} x"


def style_axes(axes: "Axes") -> None:
    """Hide the upper and the right side of the axes, and draw the others in the page's colour.

    Example:
        >>> figure, axes = new_figure(height=2.0)
        >>> style_axes(axes)
        >>> axes.spines["top"].get_visible()
        False
    """
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(INK)
    axes.tick_params(colors=INK, which="both", labelsize=8)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.xaxis.label.set_fontsize(9)
    axes.yaxis.label.set_fontsize(9)


def svg(figure: "Figure") -> str:
    """Return a figure as an SVG element whose lines and texts have the page's text colour.

    Its texts are texts, which can be searched and read aloud, and equal figures are equal elements.

    Example:
        >>> svg(new_figure(height=2.0)[0])[:4]
        '<svg'
    """
    buffer = io.StringIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    settings = {"svg.hashsalt": "gradwise", "svg.fonttype": "none"}
    with import_extra("matplotlib", "suite").rc_context(settings):
        figure.savefig(
            buffer, format="svg", transparent=True, bbox_inches="tight", metadata=no_metadata
        )
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace(INK, "currentColor")
