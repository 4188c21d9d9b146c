"""Points and lines on two logarithmic axes as SVG."""

import html
from typing import NamedTuple

from .chart import Plane, Point, Series
from .scale import Scale, scale_of
from .style import STYLES
from .words import LEADING, LETTER, legend, place, rule, symbol, word

_LEFT, _EDGE = 66.0, 12.0
_FAINT = 'stroke-opacity=".22"'


class _Frame(NamedTuple):
    """Where the axes are, and what they hold."""

    left: float
    right: float
    top: float
    bottom: float
    across: Scale
    up: Scale

    def x(self, value: float) -> float:
        return self.left + self.across.place(value) * (self.right - self.left)

    def y(self, value: float) -> float:
        return self.bottom - self.up.place(value) * (self.bottom - self.top)


def drawn_plane(chart: Plane, width: int) -> tuple[list[str], float]:
    """Return the parts of the picture of a chart, and its height."""
    entries = [(series.mode, series.name) for series in chart.series if series.name]
    body, top = legend(entries, width, 12.0)
    body.append(word(chart.up, 8, top + 8, size=12))
    top += 16
    bottom = top + (230 if width > 480 else 210)
    corners = [corner for series in chart.series for corner in _corners(series)]
    frame = _Frame(
        left=_LEFT,
        right=width - _EDGE,
        top=top,
        bottom=bottom,
        across=scale_of(x for x, _ in corners),
        up=scale_of(y for _, y in corners),
    )
    body += _axes(chart, frame, few=width <= 480)
    for series in chart.series:
        body += _line(series, frame)
    body += _points(chart, frame)
    return body, bottom + (1 + len(_title(chart, frame))) * LEADING + 8


def _corners(series: Series) -> list[tuple[float, float]]:
    return [*((point.across, point.up) for point in series.points), *series.path]


def _axes(chart: Plane, frame: _Frame, *, few: bool) -> list[str]:
    """Return both axes with their ticks, and a faint line at each."""
    show_across, show_up = chart.show
    body = [
        rule(frame.left, frame.top, frame.left, frame.bottom, 'stroke-opacity=".6"'),
        rule(frame.left, frame.bottom, frame.right, frame.bottom, 'stroke-opacity=".6"'),
    ]
    for tick in frame.across.ticks(4 if few else 7):
        x = frame.x(tick)
        body.append(rule(x, frame.top, x, frame.bottom + 4, _FAINT))
        body.append(word(show_across(tick), x, frame.bottom + LEADING, at="middle", size=12))
    for tick in frame.up.ticks(6):
        y = frame.y(tick)
        body.append(rule(frame.left - 4, y, frame.right, y, _FAINT))
        body.append(word(show_up(tick), frame.left - 7, y + 4, at="end", size=12))
    middle = (frame.left + frame.right) / 2
    for line, text in enumerate(_title(chart, frame), start=2):
        body.append(word(text, middle, frame.bottom + line * LEADING, at="middle", size=12))
    return body


def _title(chart: Plane, frame: _Frame) -> list[str]:
    """Return what the axis shows, in as many lines as it needs below a narrow plane."""
    room = frame.right - frame.left
    return [chart.across] if LETTER * len(chart.across) <= room else chart.across.split("; ")


def _line(series: Series, frame: _Frame) -> list[str]:
    """Return the line of a series, if it has one."""
    if len(series.path) < 2:
        return []
    corners = "L".join(f"{place(frame.x(x))} {place(frame.y(y))}" for x, y in series.path)
    colour = STYLES[series.mode].colour if series.mode != "none" else "currentColor"
    dashes = ' stroke-dasharray="2 4"' if series.dotted else ""
    return [f'<path d="M{corners}" fill="none" stroke="{colour}" stroke-width="1.4"{dashes}/>']


def _points(chart: Plane, frame: _Frame) -> list[str]:
    """Return the points, each name where no other one and no point is."""
    body: list[str] = []
    every = [point for series in chart.series for point in series.points]
    names = [(frame.x(p.across) - 6, frame.x(p.across) + 6, frame.y(p.up) + 4) for p in every]
    for series in chart.series:
        for point in series.points:
            x, y = frame.x(point.across), frame.y(point.up)
            tip = f"<title>{html.escape(point.tip)}</title>"
            body.append(f'<g class="mark">{tip}{symbol(series.mode, x, y)}</g>')
            if point.name:
                body.append(_name(point, frame, names))
    return body


def _name(point: Point, frame: _Frame, names: list[tuple[float, float, float]]) -> str:
    """Return the name of a point beside it, lower where names that are there leave no room."""
    wide = LETTER * len(point.name)
    x, y = frame.x(point.across) + 8, frame.y(point.up) - 6
    if x + wide > frame.right:
        x -= 16 + wide
    while any(abs(y - at) < 13 and left < x + wide and x < end for left, end, at in names):
        y += 13
    names.append((x, x + wide, y))
    return word(point.name, x, y, size=12)
