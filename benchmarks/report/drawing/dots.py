"""A chart of dots as SVG: names beside the dots on a page, above them on a phone."""

import html
from typing import NamedTuple

from .chart import Dots, Line, Mark
from .scale import Scale, scale_of
from .style import CROSS
from .words import LEADING, LETTER, folded, legend, place, rule, symbol, word

#: The widest column of names, the column of figures, the edge, and the height of a row.
_NAMES, _FIGURES, _EDGE, _ROW = 250.0, 92.0, 8.0, 25.0
_FAINT = 'stroke-opacity=".22"'


class _Layout(NamedTuple):
    """Where things are: the column of dots, and whether names stand above it."""

    left: float
    right: float
    width: int
    above: bool

    def x(self, scale: Scale, value: float) -> float:
        return self.left + scale.place(value) * (self.right - self.left)


def drawn_dots(chart: Dots, width: int) -> tuple[list[str], float]:
    """Return the parts of the picture of a chart, and its height."""
    layout = _layout(chart, width)
    scale = scale_of(chart.figures)
    modes = dict.fromkeys(mark.mode for line in chart.lines for mark in line.marks)
    entries = [(mode, mode) for mode in modes] if chart.legend else []
    body, top = legend(entries, width, 12.0)
    y = first = top + (2 if entries else -8)
    rows: list[str] = []
    for line in chart.lines:
        drawn, y = _row(line, layout, scale, y)
        rows += drawn
    body += [*_axis(chart, layout, scale, first, y), *rows]
    return body, y + 2 * LEADING + _EDGE


def _layout(chart: Dots, width: int) -> _Layout:
    longest = max((len(line.name) for line in chart.lines), default=0)
    figures = _FIGURES if any(line.figure for line in chart.lines) else 3 * _EDGE
    if width <= 480:
        return _Layout(2 * _EDGE, width - 2 * _EDGE, width, above=True)
    names = min(longest * LETTER + 2 * _EDGE, _NAMES)
    return _Layout(names + _EDGE, width - figures, width, above=False)


def _row(line: Line, layout: _Layout, scale: Scale, top: float) -> tuple[list[str], float]:
    """Return the parts of a line, and where the next one begins."""
    room = layout.width - 2 * _EDGE - (_FIGURES if line.figure else 0)
    names = folded(line.name, room if layout.above else layout.left - 2 * _EDGE)
    body = [word(text, _EDGE, top + 16 + LEADING * at) for at, text in enumerate(names)]
    if line.figure:
        body.append(word(line.figure, layout.width - _EDGE, top + 16, at="end"))
    y = top + (LEADING * len(names) + 3 if layout.above else 0)
    if line.marks:
        body.append(rule(layout.left, y + 11.5, layout.right, y + 11.5, _FAINT))
        body += [_mark(mark, layout, scale, y + 11.5) for mark in line.marks]
    below = y + (_ROW if line.marks else 0)
    for reason in line.reasons:
        drawn, below = _reason(reason, layout, below)
        body += drawn
    least = top + LEADING * len(names) + _EDGE
    return [f"<g>{''.join(body)}</g>"], max(below, least)


def _mark(mark: Mark, layout: _Layout, scale: Scale, y: float) -> str:
    """Return a mark with its interval, its bound, and what is told where a reader points at it."""
    parts = [f"<title>{html.escape(mark.tip)}</title>"]
    if mark.bound is not None:
        at = layout.x(scale, mark.bound)
        parts.append(rule(at, y - 8, at, y + 8, 'stroke-width="2" class="bound"'))
    if mark.ends:
        low, high = (layout.x(scale, end) for end in mark.ends)
        parts.append(rule(low, y, high, y, 'stroke-width="1.5" class="interval"'))
    parts.append(symbol(mark.mode, layout.x(scale, mark.value), y))
    return f'<g class="mark">{"".join(parts)}</g>'


def _reason(text: str, layout: _Layout, top: float) -> tuple[list[str], float]:
    """Return a cross with the reason why there is no figure, and where what follows begins."""
    lines = folded(text, layout.width - layout.left - 20 - _EDGE, most=5 if layout.above else 3)
    cross = (
        f'<path transform="translate({place(layout.left + 5)} {place(top + 11.5)})" d="{CROSS}" '
    )
    look = 'stroke="currentColor" stroke-width="1.6" fill="none"/>'
    said = [
        word(each, layout.left + 16, top + 16 + LEADING * at, size=12, faint=".85")
        for at, each in enumerate(lines)
    ]
    body = f'<g class="missing"><title>{html.escape(text)}</title>{cross}{look}{"".join(said)}</g>'
    return [body], top + LEADING * len(lines) + _EDGE


def _axis(chart: Dots, layout: _Layout, scale: Scale, top: float, bottom: float) -> list[str]:
    """Return the axis below the lines, and its ticks as lines behind them."""
    body = [rule(layout.left, bottom, layout.right, bottom, 'stroke-opacity=".6"')]
    for tick in scale.ticks(4 if layout.above else 7):
        x = layout.x(scale, tick)
        body.append(rule(x, top, x, bottom + 4, _FAINT))
        body.append(word(chart.show(tick), x, bottom + LEADING, at="middle", size=12))
    middle = layout.width / 2 if layout.above else (layout.left + layout.right) / 2
    body.append(word(chart.axis, middle, bottom + 2 * LEADING, at="middle", size=12))
    return body
