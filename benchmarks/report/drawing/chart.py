"""What a chart holds, whichever way it is drawn."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A figure of one way.

    Attributes:
        mode: The way's mode, which says its colour and its shape.
        value: The figure.
        text: The figure in words.
        tip: What is told of it where a reader points at it.
        ends: The ends of its interval, if there is one.
        bound: What theory allows it to be, if that is known.
    """

    mode: str
    value: float
    text: str
    tip: str
    ends: tuple[float, float] | None = None
    bound: float | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a chart of dots.

    Attributes:
        name: What it is about.
        marks: Its figures.
        reasons: Why ways that belong here have no figure, a text each.
        figure: What is written at its end; `""` for nothing.
    """

    name: str
    marks: tuple[Mark, ...]
    reasons: tuple[str, ...] = ()
    figure: str = ""


@dataclass(frozen=True, kw_only=True)
class Dots:
    """Named lines with dots on one logarithmic axis.

    Attributes:
        title: What is shown.
        axis: What the axis shows.
        show: Writes a figure of the axis.
        lines: The lines, from above.
        legend: Whether the modes are named above, since the lines do not.
        holds: What the axis holds beside the figures.
    """

    title: str
    axis: str
    show: Callable[[float], str]
    lines: tuple[Line, ...]
    legend: bool = False
    holds: tuple[float, ...] = ()

    @property
    def figures(self) -> list[float]:
        """Every figure that the axis must hold: those of the marks, their ends and bounds."""
        marks = [mark for line in self.lines for mark in line.marks]
        ends = [end for mark in marks for end in mark.ends or ()]
        bounds = [mark.bound for mark in marks if mark.bound is not None]
        return [*self.holds, *(mark.value for mark in marks), *ends, *bounds]

    @property
    def described(self) -> str:
        """All of it in words, for who does not see it."""
        parts = []
        for line in self.lines:
            told = "; ".join([*(mark.tip for mark in line.marks), *line.reasons])
            named = told.startswith(f"{line.name}: ")  # as a tip of the line's one way is
            parts.append(f"{told}." if named else f"{line.name}: {told}.")
        return " ".join(parts)


@dataclass(frozen=True, kw_only=True)
class Point:
    """A mark in a plane.

    Attributes:
        across: Where it is from the left.
        up: Where it is from below.
        tip: What is told of it where a reader points at it.
        name: What is written beside it; `""` for nothing.
    """

    across: float
    up: float
    tip: str
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Series:
    """Points of one mode, and a line.

    Attributes:
        name: What it is in the legend; `""` for nothing.
        mode: The mode, which says its colour and its shape.
        points: The points.
        path: The corners of the line, as pairs; none for no line.
        dotted: Whether the line is dotted.
    """

    name: str
    mode: str
    points: tuple[Point, ...] = ()
    path: tuple[tuple[float, float], ...] = ()
    dotted: bool = False


@dataclass(frozen=True, kw_only=True)
class Plane:
    """Points and lines on two logarithmic axes.

    Attributes:
        title: What is shown.
        across: What the axis from the left shows.
        up: What the axis from below shows.
        show: Write a figure of each axis.
        series: The points and lines.
    """

    title: str
    across: str
    up: str
    show: tuple[Callable[[float], str], Callable[[float], str]]
    series: tuple[Series, ...]

    @property
    def described(self) -> str:
        """All of it in words, for who does not see it."""
        tips = [point.tip for series in self.series for point in series.points]
        return f"From the left: {self.across}; from below: {self.up}. {'; '.join(tips)}."


Chart = Dots | Plane
