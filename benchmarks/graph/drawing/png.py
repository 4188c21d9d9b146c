"""A graph as a PNG: Matplotlib draws the elements of its SVG, of which there are few kinds."""

import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from ..._extras import import_extra
from ..record import Graph
from .style import LIGHT, shade
from .svg import svg

_PIXELS_AN_INCH, _POINTS_AN_INCH = 96, 72
#: How many dots a pixel of the SVG has, and the most dots of a side that Matplotlib can draw.
_SHARP, _MOST = 2.0, 30_000
_QUANTITIES = ("value", "tangent", "adjoint")
_SIZES = {"label": 15, "name": 14, "small": 10.5, "rule": 10.5, "note": 10.5, "heading": 12}
_SIZES |= dict.fromkeys(_QUANTITIES, 11.5)
_TEXT_COLOURS = {"name": "name", "small": "muted", "note": "muted", "keeps": "keeps"}
_TEXT_COLOURS |= {"rule": "adjoint", **{name: name for name in _QUANTITIES}}
_STEP = re.compile(r"([MmLlHhVvCz])([^MmLlHhVvCz]*)")
_NUMBER = re.compile(r"-?\d*\.?\d+")
_SVG = "{http://www.w3.org/2000/svg}"


def png(graph: Graph) -> bytes:
    """Return the picture of a graph as the content of a PNG file.

    Raises:
        ImportError: If Matplotlib is not installed; the message says how to install it.
    """
    import_extra("matplotlib", "suite")
    root = ElementTree.fromstring(svg(graph))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    canvas = _Canvas(width, height)
    canvas.draw(root, _Where())
    dots = _PIXELS_AN_INCH * min(_SHARP, _MOST / max(width, height))
    buffer = io.BytesIO()
    with warnings.catch_warnings():  # of letters of a user that the typeface lacks
        warnings.simplefilter("ignore")
        canvas.figure.savefig(
            buffer, format="png", dpi=dots, facecolor=LIGHT["paper"], metadata={"Software": None}
        )
    return buffer.getvalue()


@dataclass(frozen=True)
class _Where:
    """Where an element stands: what its coordinates are in, and the classes around it."""

    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0
    classes: frozenset[str] = field(default_factory=frozenset)

    def inside(self, element: ElementTree.Element) -> "_Where":
        classes = self.classes | set(element.get("class", "").split())
        moved = {
            kind: [float(n) for n in _NUMBER.findall(numbers)]
            for kind, numbers in re.findall(r"(\w+)\(([^)]*)\)", element.get("transform", ""))
        }
        x, y = moved.get("translate", [0.0, 0.0])
        (scale,) = moved.get("scale", [1.0])
        return _Where(self.x + self.scale * x, self.y + self.scale * y, self.scale * scale, classes)


class _Canvas:
    """A figure whose coordinates are those of the SVG."""

    def __init__(self, width: float, height: float):
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(width / _PIXELS_AN_INCH, height / _PIXELS_AN_INCH))
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.axes.set_xlim(0, width)
        self.axes.set_ylim(height, 0)
        self._depth = 0

    def draw(self, element: ElementTree.Element, around: _Where) -> None:
        """Draw an element and what is in it, later ones above earlier ones."""
        where = around.inside(element)
        kind = element.tag.removeprefix(_SVG)
        self._depth += 1
        if kind in ("svg", "g"):
            for child in element:
                self.draw(child, where)
        elif kind == "rect":
            self._rectangle(element, where)
        elif kind == "path":
            self._path(element, where)
        elif kind == "text":
            self._text(element, where)

    def _rectangle(self, element: ElementTree.Element, where: _Where) -> None:
        from matplotlib.patches import FancyBboxPatch

        x, y, width, height, radius = (
            float(element.get(name, 0)) for name in ("x", "y", "width", "height", "rx")
        )
        fill, stroke, line = _box_colours(where.classes)
        self.axes.add_patch(
            FancyBboxPatch(
                (where.x + x, where.y + y),
                width,
                height,
                boxstyle=f"round,pad=0,rounding_size={radius}" if radius else "square,pad=0",
                facecolor=fill,
                edgecolor=stroke,
                linewidth=_points(line),
                zorder=self._depth,
            )
        )

    def _path(self, element: ElementTree.Element, where: _Where) -> None:
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        steps = list(_steps(element.attrib["d"]))
        points = [(where.x + where.scale * x, where.y + where.scale * y) for (x, y), _ in steps]
        codes = {"M": Path.MOVETO, "L": Path.LINETO, "C": Path.CURVE4, "z": Path.CLOSEPOLY}
        filled = "tip" in where.classes
        colour, line, opacity = _line_colours(where.classes)
        self.axes.add_patch(
            PathPatch(
                Path(points, [codes[code] for _, code in steps]),
                facecolor=colour if filled else "none",
                edgecolor="none" if filled else colour,
                linewidth=_points(line * where.scale),
                alpha=opacity,
                capstyle="butt",
                zorder=self._depth,
            )
        )

    def _text(self, element: ElementTree.Element, where: _Where) -> None:
        from matplotlib.font_manager import FontProperties
        from matplotlib.patheffects import withStroke
        from matplotlib.textpath import text_to_path

        runs: list[tuple[str, float, str, FontProperties]] = []  # text, its width, colour, type
        for text, gap, classes in _runs(element, where.classes):
            font = FontProperties(**_font(classes))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                size, *_ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
            kinds = [c for name, c in _TEXT_COLOURS.items() if name in classes]
            runs.append((text, gap + _pixels(size), LIGHT[kinds[0] if kinds else "ink"], font))
        total = sum(width for _, width, _, _ in runs)
        share = 0.5 if "middle" in where.classes else 1.0 if "end" in where.classes else 0.0
        right = where.x + float(element.get("x", 0)) - share * total
        halo = [withStroke(linewidth=2.5, foreground=LIGHT["paper"])]
        for text, width, colour, font in runs:
            right += width
            self.axes.text(
                right,
                where.y + float(element.get("y", 0)),
                text,
                ha="right",
                va="baseline",
                color=colour,
                fontproperties=font,
                parse_math=False,
                zorder=self._depth,
                path_effects=halo if "halo" in where.classes else None,
            )


def _points(pixels: float) -> float:
    return pixels * _POINTS_AN_INCH / _PIXELS_AN_INCH


def _pixels(points: float) -> float:
    return points * _PIXELS_AN_INCH / _POINTS_AN_INCH


def _runs(
    element: ElementTree.Element, classes: frozenset[str]
) -> Iterator[tuple[str, float, frozenset[str]]]:
    """Yield the parts of a text, the gap before each, and its classes."""
    if element.text:
        yield element.text, 0.0, classes
    for part in element:
        if part.text:
            own = frozenset(part.get("class", "").split())
            yield part.text, float(part.get("dx", 0)), own | (classes - {"label"})
        if part.tail:
            yield part.tail, 0.0, classes


def _font(classes: frozenset[str]) -> dict[str, Any]:
    sizes = [size for name, size in _SIZES.items() if name in classes]
    size = 9.5 if "kept" in classes else min(sizes) if sizes else 11
    is_bold = bool(classes & {"label", "heading", "kept"})
    is_mono = ("middle" in classes and bool(classes & set(_QUANTITIES))) or "rule" in classes
    return {
        "family": "DejaVu Sans Mono" if is_mono and "note" not in classes else "DejaVu Sans",
        "size": _points(size),
        "weight": "bold" if is_bold else "normal",
        "style": "italic" if classes & {"name", "note"} else "normal",
    }


def _box_colours(classes: frozenset[str]) -> tuple[str, str, float]:
    """Return the fill, the line and its width of a rectangle."""
    if "frame" in classes:
        return "none", LIGHT["faint"], 0.8
    if "kept" in classes:
        is_there = "there" in classes
        return LIGHT["paper" if is_there else "kept"], LIGHT["kept"] if is_there else "none", 1.0
    boxes = ("operation", "input", "fixed", "output", "closed", "open")
    (kind,) = classes & set(boxes)
    return LIGHT[kind], LIGHT["faint" if kind in ("fixed", "open") else "line"], 1.1


def _line_colours(classes: frozenset[str]) -> tuple[str, float, float]:
    """Return the colour, the width and the opacity of a path."""
    if "broken" in classes:
        return LIGHT["broken"], 0.2, 1.0
    for number in range(1, 9):
        if f"s{number}" in classes:
            quantity = next((name for name in _QUANTITIES if name in classes), "ink")
            is_above = "above" in classes
            return LIGHT[quantity if is_above else "ink"], 1.0 if is_above else 0.5, shade(number)
    return LIGHT["muted" if "still" in classes else "line"], 1.3, 1.0


def _steps(path: str) -> Iterator[tuple[tuple[float, float], str]]:
    """Yield the points of a path, and for each whether it is moved, drawn or bent to."""
    x = y = 0.0
    start = (x, y)
    for command, rest in _STEP.findall(path):
        numbers = [float(n) for n in _NUMBER.findall(rest)]
        if command == "z":
            yield start, "z"
        elif command == "C":
            for k in range(0, 6, 2):
                yield (numbers[k], numbers[k + 1]), "C"
            x, y = numbers[4], numbers[5]
        else:
            relative = command.islower()
            if command in "Hh":
                x = numbers[0] + (x if relative else 0)
            elif command in "Vv":
                y = numbers[0] + (y if relative else 0)
            else:
                x, y = (numbers[0] + x, numbers[1] + y) if relative else (numbers[0], numbers[1])
            if command in "Mm":
                start = (x, y)
            yield (x, y), "M" if command in "Mm" else "L"
