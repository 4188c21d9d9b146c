"""The coordinates of one container from those of its open children; `place.js` does the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from .containers import Container
from .layout import Grid, Layout

SWEEPS = 16
NARROW = 34.0  # between two columns whose links run straight
WIDE = 40.0  # what steep links add to that at most
BOXES = 16.0  # between two boxes of a column, and between boxes and their frame
LINES = 9.0  # between a line and what is beside it
TITLE = 20.0  # for a frame's title
MARGIN = 10.0  # around the picture
SLOT = 13.0  # between two arrowheads at one box

Extent = tuple[float, float, float]  # length, height above the axis, height below it


@dataclass
class Frame:
    """A container with coordinates, from where its flow starts and from its axis.

    Attributes:
        extent: By cell its length, and its heights above and below the cell's own axis.
        ends: By link how far from their axes it leaves its source and meets its target.
        column: By cell its column.
        axis: By cell where its axis is, from that of the container.
        left: By cell where it starts.
        starts: By column where it starts.
        stops: By column where it stops.
        length: The length of the whole.
        up: Its height above the axis.
        down: Its height below the axis.
        origin: Where the container's own start and axis are in the picture.
    """

    extent: dict[str, Extent]
    ends: list[tuple[float, float]]
    column: dict[str, int] = field(default_factory=dict)
    axis: dict[str, float] = field(default_factory=dict)
    left: dict[str, float] = field(default_factory=dict)
    starts: list[float] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)
    length: float = 0.0
    up: float = 0.0
    down: float = 0.0
    origin: tuple[float, float] = (0.0, 0.0)


def compose(
    layout: Layout,
    sizes: Mapping[str, tuple[float, float]],
    shut: frozenset[int],
    key: int | None,
    down: bool,
    frames: dict[int | None, Frame],
) -> Frame:
    """Return a container with coordinates, and enter it and all open ones in it in `frames`."""
    container, grid = layout.structure.containers[key], layout.grids[key]
    extent: dict[str, Extent] = {}
    for column in grid.columns:
        for cell in column:
            extent[cell] = (0.0, 0.0, 0.0)
    for child in container.children:
        group = int(child[1:])
        length, height = sizes[child]
        extent[child] = (length, height / 2, height / 2)
        if child[0] == "g" and group not in shut and layout.structure.containers[group].children:
            inner = compose(layout, sizes, shut, group, down, frames)
            extent[child] = (inner.length, inner.up, inner.down)
    frame = Frame(extent=extent, ends=_ends(container, grid, extent, frames))
    frame.axis = _across(grid, frame)
    title = 0.0 if key is None else TITLE
    pad = 0.0 if key is None else BOXES
    least = 0.0 if key is None else sizes[f"g{key}"][0]
    _along(grid, frame, pad, title if down else 0.0, least)
    highest = max((extent[c][1] - frame.axis[c] for c in extent), default=0.0)
    frame.up = pad + (0.0 if down else title) + highest
    frame.down = pad + max((extent[c][2] + frame.axis[c] for c in extent), default=0.0)
    frames[key] = frame
    return frame


def _ends(
    container: Container,
    grid: Grid,
    extent: dict[str, Extent],
    frames: dict[int | None, Frame],
) -> list[tuple[float, float]]:
    """Return by link how far from their axes it leaves its source and meets its target."""
    ends = []
    for k, link in enumerate(container.links):
        source, target = int(link.source[1:]), int(link.target[1:])
        start = frames[source].axis[link.leaves] if link.leaves and source in frames else 0.0
        if link.enters and target in frames:
            end = frames[target].axis[link.enters]
        else:
            end = grid.slots[k] * min(SLOT, extent[link.target][1] / (grid.crowds[k] + 0.5))
        ends.append((start, end))
    return ends


def _across(grid: Grid, frame: Frame) -> dict[str, float]:
    """Return by cell where its axis is: blocks as near to their links as what is beside allows."""
    block = {cell: b for b, cells in enumerate(grid.blocks) for cell in cells}
    above: list[dict[int, float]] = [{} for _ in grid.blocks]
    below: list[dict[int, float]] = [{} for _ in grid.blocks]
    for column in grid.columns:
        for k in range(1, len(column)):
            a, b = column[k - 1], column[k]
            between = LINES if "d" in (a[0], b[0]) else BOXES
            room = frame.extent[a][2] + between + frame.extent[b][1]
            room = max(room, above[block[b]].get(block[a], 0.0))
            above[block[b]][block[a]] = below[block[a]][block[b]] = room
    springs: list[list[tuple[int, float]]] = [[] for _ in grid.blocks]
    for route, (start, end) in zip(grid.routes, frame.ends, strict=True):
        for k in range(1, len(route)):
            a, b = block[route[k - 1]], block[route[k]]
            if a != b:
                shift = (start if k == 1 else 0.0) - (end if k == len(route) - 1 else 0.0)
                springs[a].append((b, -shift))
                springs[b].append((a, shift))
    at: list[float] = []
    for b in range(len(grid.blocks)):
        at.append(max([at[a] + room for a, room in above[b].items()], default=0.0))
    for sweep in range(SWEEPS):
        order = range(len(at))
        for b in reversed(order) if sweep % 2 == 0 else order:
            if springs[b]:
                wish = sum(at[other] + shift for other, shift in springs[b]) / len(springs[b])
                least = max([at[a] + room for a, room in above[b].items()], default=-inf)
                most = min([at[c] - room for c, room in below[b].items()], default=inf)
                at[b] = max(least, min(most, wish))
    zero = at[grid.main] if at else 0.0
    return {cell: at[b] - zero for cell, b in block.items()}


def _along(grid: Grid, frame: Frame, pad: float, title: float, least: float) -> None:
    """Enter where columns and cells start; steep links get wider gaps between columns."""
    gaps = [0.0] * len(grid.columns)
    for c, column in enumerate(grid.columns):
        for cell in column:
            frame.column[cell] = c
    takes: set[str] = set()
    for route, (start, end) in zip(grid.routes, frame.ends, strict=True):
        takes.add(route[-1])
        for k in range(1, len(route)):
            rise = frame.axis[route[k]] - frame.axis[route[k - 1]]
            rise += (end if k == len(route) - 1 else 0.0) - (start if k == 1 else 0.0)
            c = frame.column[route[k]]
            gaps[c] = max(gaps[c], NARROW + min(WIDE, abs(rise) / 8))
    last = len(grid.columns) - 1
    at = 0.0
    for c, column in enumerate(grid.columns):
        if c == 1:
            at += title + (gaps[1] if grid.columns[0] else pad)
        elif c == last:
            at = max(least, at + (gaps[last] if column else pad))
        elif c:
            at += gaps[c]
        frame.starts.append(at)
        at += max([frame.extent[cell][0] for cell in column], default=0.0)
        frame.stops.append(at)
    for cell, c in frame.column.items():
        spare = frame.stops[c] - frame.starts[c] - frame.extent[cell][0]
        frame.left[cell] = frame.starts[c] + (spare / 2 if cell in takes else spare)
    frame.length = at
