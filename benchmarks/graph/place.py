"""From grids and sizes to coordinates, whichever groups are open; `place.js` does the same.

A container is composed of what its children need: the columns get the widths, then blocks move
along the columns to where their links pull them, as far as the cells beside them leave room. Links
bend between two columns and run straight within them, so that they pass through no box.

Lengths are along the flow and heights across it: the direction `"down"` swaps them at the end.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import floor

from .._equality import equal_by_fields
from .layout import Grid, Layout
from .nesting import Edge

SWEEPS = 16
NARROW = 34.0  # between two columns
BOXES = 16.0  # between two boxes of a column, and between boxes and their frame
LINES = 9.0  # between a line and what is beside it
TITLE = 20.0  # for a frame's title
MARGIN = 10.0  # around the picture
SLOT = 13.0  # between two arrowheads at one box

Box = tuple[float, float, float, float]  # x, y, width, height


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
    points: tuple[tuple[float, float], ...]


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
) -> Placement:
    """Return where the boxes, frames and lines of a graph are.

    Args:
        layout: The grids, which serve for any `shut` and any sizes.
        sizes: By key the width and height of each node's box, and of each group's when closed; an
            open group is no shorter than closed, as its title must fit.
        shut: The ids of the groups that are closed.
        direction: `"right"` or `"down"`.

    Raises:
        ValueError: If the direction is another.
    """
    raise NotImplementedError


def curve(points: tuple[tuple[float, float], ...], direction: str) -> str:
    """Return the `d` attribute of an SVG path through `points`."""
    raise NotImplementedError
