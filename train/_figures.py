"""Draw figures without a display, and write them to files."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import TYPE_CHECKING

from ._extras import import_extra
from ._files import user_path, write_whole

if TYPE_CHECKING:  # matplotlib is needed only by those who draw
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def figure() -> tuple[Figure, Axes]:
    """Return a figure and its axes, which pyplot does not know of and need not close.

    Example:
        >>> fig, axes = figure()
        >>> axes.get_title()
        ''
    """
    fig = import_extra("matplotlib.figure", "train").Figure(figsize=(7, 4.5), layout="constrained")
    return fig, fig.add_subplot()


def write_figure(fig: Figure, path: str | Path) -> None:
    """Write a figure to `path`, whose ending is the format; `.png` is added where there is none.

    An SVG holds its words as text, so that they can be searched and read aloud, and the same figure
    is the same file.

    Raises:
        ValueError: If matplotlib does not know the format.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "empty.svg"
        >>> write_figure(figure()[0], path)
        >>> path.read_text().count("<svg")
        1
    """
    path = user_path(path)
    path = path if path.suffix else path.with_name(f"{path.name}.png")
    write_whole(path, _drawn(fig, path.suffix[1:]))


def inline(fig: Figure, words: str) -> str:
    """Return a figure as an image of a notebook's page, with words for who does not see it.

    An image keeps the names within an SVG to itself: two drawings of one page have the same.

    Example:
        >>> inline(figure()[0], "nothing")[:66]
        '<img alt="nothing" style="max-width:100%" src="data:image/svg+xml;'
    """
    text = base64.b64encode(_drawn(fig, "svg")).decode()
    words = html.escape(words)
    return f'<img alt="{words}" style="max-width:100%" src="data:image/svg+xml;base64,{text}">'


def _drawn(fig: Figure, form: str) -> bytes:
    drawn = io.BytesIO()
    matplotlib = import_extra("matplotlib", "train")
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "gradwise"}):
        fig.savefig(drawn, format=form, metadata={"Date": None} if form == "svg" else None)
    return drawn.getvalue()
