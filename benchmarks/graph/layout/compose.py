"""The coordinates of one container from those of its open children; `place.js` does the same."""

from collections.abc import Mapping

from .along import along
from .containers import Container
from .frame import BOXES, SLOT, TITLE, TURN, Extent, Frame, Piece
from .layout import Grid, Layout


def compose(
    layout: Layout,
    sizes: Mapping[str, tuple[float, float]],
    shut: frozenset[int],
    key: int | None,
    down: bool,
    room: float,
    frames: dict[int | None, Frame],
) -> Frame:
    """Return a container with coordinates, and enter it and all open ones in it in `frames`.

    Args:
        layout: The grids.
        sizes: By key the length of each node and closed group, and its height.
        shut: The ids of the groups that are closed.
        key: The container.
        down: Whether lengths are heights of the picture, which decides where a title stands.
        room: The length beyond which it goes on in a next row.
        frames: Where it is entered.
    """
    within = 2 * BOXES + 6 * TURN  # what a row takes of it
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
            inner = compose(layout, sizes, shut, group, down, room - within, frames)
            extent[child] = (inner.length, inner.up, inner.down)
    ends = _ends(container, grid, extent, frames)
    frame = Frame(
        extent=extent,
        ends=ends,
        pieces=_pieces(grid, ends),
        column={cell: c for c, column in enumerate(grid.columns) for cell in column},
        row=[0] * len(grid.columns),
    )
    title = 0.0 if key is None else TITLE
    pad = 0.0 if key is None else BOXES
    least = 0.0 if key is None else sizes[f"g{key}"][0]
    along(grid, frame, pad=pad, title=title if down else 0.0, least=least, room=room)
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


def _pieces(grid: Grid, ends: list[tuple[float, float]]) -> list[Piece]:
    pieces = []
    for route, (start, end) in zip(grid.routes, ends, strict=True):
        last = len(route) - 1
        for k in range(last):
            shifts = (start if k == 0 else 0.0, end if k + 1 == last else 0.0)
            pieces.append((route[k], route[k + 1], *shifts))
    return pieces
