"""From grids and sizes to coordinates, whichever groups are open; `place.js` does the same.

A container is composed of what its children need: the columns get the widths, then blocks move
along the columns to where their links pull them, as far as the cells beside them leave room. Links
bend between two columns and run straight within them, so that they pass through no box. What is too
long goes on in a next row, as a text does.

Lengths are along the flow and heights across it: the direction `"down"` swaps them at the end.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import floor, inf

from ..._equality import equal_by_fields
from .compose import compose
from .frame import MARGIN, TURN, Frame, check_direction
from .layout import Layout
from .nesting import Edge
from .view import Line, lines

Box = tuple[float, float, float, float]  # x, y, width, height
Point = tuple[float, float]


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Path:
    """A line that is drawn.

    Attributes:
        source: The key of the box, or of the open loop's frame, that it starts at.
        target: The key of the box, or of the open loop's frame, that it ends at.
        edges: The operands that it stands for; empty for what an open loop's body hands out.
        points: Where it runs through, from the source to the target; see `curve`.
    """

    source: str
    target: str
    edges: tuple[Edge, ...]
    points: tuple[Point, ...]


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where everything is drawn.

    Attributes:
        boxes: By key the rectangles of nodes and closed groups.
        frames: By key the rectangles of open groups, outer ones first.
        paths: The lines.
        width: The width of the picture.
        height: The height of the picture.
    """

    boxes: dict[str, Box]
    frames: dict[str, Box]
    paths: tuple[Path, ...]
    width: float
    height: float


def place(
    layout: Layout,
    sizes: Mapping[str, tuple[float, float]],
    *,
    shut: Collection[int] = frozenset(),
    direction: str = "right",
    room: float = inf,
) -> Placement:
    """Return where the boxes, frames and lines of a graph are, in tenths of a pixel.

    Args:
        layout: The grids, which serve for any `shut` and any sizes.
        sizes: By key the width and height of each node's box, and of each group's when closed; an
            open group is no shorter than closed, as its title must fit.
        shut: The ids of the groups that are closed.
        direction: `"right"` or `"down"`.
        room: How wide the picture may be, or how high if it runs down, before it goes on in a next
            row; wider still if a single box is.

    Raises:
        ValueError: If the direction is another.
    """
    check_direction(direction)
    down = direction == "down"
    frames: dict[int | None, Frame] = {}
    extents = {key: (h, w) if down else (w, h) for key, (w, h) in sizes.items()}
    root = compose(layout, extents, frozenset(shut), None, down, room - 2 * MARGIN, frames)
    boxes: dict[str, Box] = {}
    opened: dict[str, Box] = {}
    _spread(layout, frames, boxes, opened, None, MARGIN, MARGIN + root.up)
    width, height = root.length + 2 * MARGIN, root.up + root.down + 2 * MARGIN
    return Placement(
        boxes={key: _turned(box, down) for key, box in boxes.items()},
        frames={key: _turned(box, down) for key, box in opened.items()},
        paths=tuple(
            Path(
                source=line.source,
                target=line.target,
                edges=line.edges,
                points=tuple(_point(x, y, down) for x, y in _points(layout, frames, line)),
            )
            for line in lines(layout.structure, shut)
        ),
        width=_tenth(height if down else width),
        height=_tenth(width if down else height),
    )


def curve(points: tuple[Point, ...], direction: str) -> str:
    """Return the `d` attribute of an SVG path through `points`: straight lines and S-curves.

    Two points beside one another across the flow are a turn to the next row: a line with round
    corners, ahead of both.

    Example:
        >>> curve(((0.0, 5.0), (10.0, 5.0), (30.5, 9.0)), "right")
        'M0 5H10C20.3 5 20.3 9 30.5 9'
    """
    down = direction == "down"
    (x, y), *rest = [(b, a) for a, b in points] if down else points
    text, forward = "M" + _pair(x, y, down), True
    for to_x, to_y in rest:
        if to_y == y:
            text += ("V" if down else "H") + f"{to_x:.7g}"
            forward = to_x > x
        elif to_x == x:
            turn = min(TURN, (to_y - y) / 2)
            ahead = _tenth(x + (turn if forward else -turn))
            text += f"Q{_pair(ahead, y, down)} {_pair(ahead, _tenth(y + turn), down)}"
            text += ("H" if down else "V") + f"{_tenth(to_y - turn):.7g}"
            text += f"Q{_pair(ahead, to_y, down)} {_pair(x, to_y, down)}"
        else:
            middle = _tenth((x + to_x) / 2)
            ends = ((middle, y), (middle, to_y), (to_x, to_y))
            text += "C" + " ".join(_pair(*end, down) for end in ends)
        x, y = to_x, to_y
    return text


def _pair(x: float, y: float, down: bool) -> str:
    return f"{y:.7g} {x:.7g}" if down else f"{x:.7g} {y:.7g}"


def _spread(
    layout: Layout,
    frames: dict[int | None, Frame],
    boxes: dict[str, Box],
    opened: dict[str, Box],
    key: int | None,
    x: float,
    y: float,
) -> None:
    """Enter the rectangles of a container whose flow starts at `x` and whose axis is at `y`."""
    frame = frames[key]
    frame.origin = (x, y)
    for child in layout.structure.containers[key].children:
        left, axis = x + frame.left[child], y + frame.axis[child]
        length, up, down = frame.extent[child]
        box = (left, axis - up, length, up + down)
        group = int(child[1:])
        if child[0] == "g" and group in frames:
            opened[child] = box
            _spread(layout, frames, boxes, opened, group, left, axis)
        else:
            boxes[child] = box


def _points(layout: Layout, frames: dict[int | None, Frame], line: Line) -> list[Point]:
    points: list[Point] = []
    for key, link in line.pieces:
        _run(layout.grids[key].routes[link], frames[key], link, points)
    return _straightened(points)


def _run(route: tuple[str, ...], frame: Frame, link: int, points: list[Point]) -> None:
    """Add where a link runs: straight along its cells, and from one column to the next."""
    x, y = frame.origin
    start, end = frame.ends[link]
    for k, cell in enumerate(route):
        column = frame.column[cell]
        axis = y + frame.axis[cell]
        if k == 0:
            axis += start
            points.append((x + frame.left[cell] + frame.extent[cell][0], axis))
        elif k == len(route) - 1:
            axis += end
        if k > 0:
            points.append((x + frame.starts[column], axis))
        if k == len(route) - 1:
            points.append((x + frame.left[cell], axis))
            break
        following = frame.column[route[k + 1]]
        if frame.row[column] == frame.row[following]:
            points.append((x + frame.stops[column], axis))
            continue
        turn, back, again = frame.turns[cell, start if k == 0 else 0.0]
        then = y + frame.axis[route[k + 1]] + (end if k + 2 == len(route) else 0.0)
        points += [(x + turn, axis), (x + turn, y + back), (x + again, y + back), (x + again, then)]


def _straightened(points: list[Point]) -> list[Point]:
    kept: list[Point] = []
    for point in points:
        if len(kept) > 1 and kept[-2][1] == kept[-1][1] == point[1]:
            kept.pop()
        if not kept or kept[-1] != point:
            kept.append(point)
    return kept


def _tenth(value: float) -> float:
    return floor(value * 10 + 0.5) / 10


def _point(x: float, y: float, down: bool) -> Point:
    # Along the middle of a row of pixels lines are sharp, and two on one another as dark as one.
    y = floor(y) + 0.5
    return (y, _tenth(x)) if down else (_tenth(x), y)


def _turned(box: Box, down: bool) -> Box:
    x, y, length, height = map(_tenth, box)
    return (y, x, height, length) if down else (x, y, length, height)
