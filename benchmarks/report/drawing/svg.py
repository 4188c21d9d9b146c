"""Charts as SVG whose words are words: searchable, read aloud, in the colours of the page."""

import html
import zlib
from collections.abc import Sequence

from .chart import Chart, Dots
from .dots import drawn_dots
from .plane import drawn_plane
from .style import INKS, PAGES

#: The widths that a chart is drawn for: a page's, and a phone's.
WIDE, NARROW = 680, 340
#: What shows one of the two, by the room that there is. A page and a notebook have it once.
STYLE = """.chart { container-type: inline-size; margin: .8rem 0; }
.chart svg { display: block; width: 100%; height: auto; }
.chart .wide { max-width: 50rem; }
.chart .narrow { display: none; max-width: 30rem; }
@container (max-width: 33rem) { .chart .wide { display: none; } .chart .narrow { display: block; } }
"""


def in_page(chart: Chart, key: str = "") -> str:
    """Return a chart in two layouts, of which `STYLE` shows the one that there is room for.

    Args:
        chart: The chart.
        key: What the names of its parts begin with, which no other chart of the page has; by
            default a hash of it.

    Example:
        >>> from benchmarks.report.charts import costs
        >>> from benchmarks.report.example import EXAMPLE
        >>> in_page(costs(EXAMPLE)).count("<svg")
        2
    """
    wide, narrow = (
        as_svg(chart, width=width, key=key and f"{key}-{width}", alone=False)
        for width in (WIDE, NARROW)
    )
    return f'<div class="chart">{wide}{narrow}</div>'


def as_svg(chart: Chart, *, width: int = WIDE, key: str = "", alone: bool = True) -> str:
    """Return a chart as an SVG element.

    Args:
        chart: The chart.
        width: The width that it is drawn for. One of at most 480 has the layout of a phone.
        key: What the names of its parts begin with; by default a hash of the chart.
        alone: Whether it brings a ground and a colour of its own, since no page has them.

    Example:
        >>> from benchmarks.report.charts import costs
        >>> from benchmarks.report.example import EXAMPLE
        >>> as_svg(costs(EXAMPLE))[:38]
        '<svg xmlns="http://www.w3.org/2000/svg'
    """
    if isinstance(chart, Dots):
        body, height = drawn_dots(chart, width)
    else:
        body, height = drawn_plane(chart, width)
    title, told = html.escape(chart.title), html.escape(chart.described)
    key = key or f"chart-{zlib.crc32((title + told + str(width)).encode()):08x}"
    kind = "wide" if width > 480 else "narrow"
    parts = [
        f'<title id="{key}-title">{title}</title>',
        f'<desc id="{key}-text">{told}</desc>',
        _ground() if alone else "",
        *body,
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{kind}" role="img" '
        f'aria-labelledby="{key}-title {key}-text" viewBox="0 0 {width} {height:g}" '
        f'width="{width}" height="{height:g}" font-family="system-ui, sans-serif" font-size="13" '
        f'fill="currentColor">{_joined(parts)}</svg>'
    )


def _joined(parts: Sequence[str]) -> str:
    return "\n".join(part for part in parts if part)


def _ground() -> str:
    """Return what a page would bring: a ground, and the colour of words, for light and dark."""
    light, dark = (f"svg{{color:{INKS[at]}}}.page{{fill:{PAGES[at]}}}" for at in PAGES)
    return (
        f"<style>{light}@media (prefers-color-scheme:dark){{{dark}}}</style>"
        '<rect class="page" width="100%" height="100%"/>'
    )
