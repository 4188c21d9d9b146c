"""A container of a graph with its coordinates, and how far what is in it stands apart."""

from dataclasses import dataclass, field

SWEEPS = 16
NARROW = 34.0  # between two columns whose links run straight
WIDE = 40.0  # what steep links add to that at most
BOXES = 16.0  # between two boxes of a column, and between boxes and their frame
LINES = 9.0  # between a line and what is beside it
TITLE = 20.0  # for a frame's title
MARGIN = 10.0  # around the picture
SLOT = 13.0  # between two arrowheads at one box
TURN = 12.0  # the radius of a line's turn to the next row, and what is clear beside it

Extent = tuple[float, float, float]  # length, height above the axis, height below it
Start = tuple[str, float]  # a cell, and how far from its axis a line leaves it
Piece = tuple[str, str, float, float]  # two cells, and how far from their axes a line joins them


@dataclass
class Frame:
    """A container with coordinates, from where its flow starts and from its axis.

    Attributes:
        extent: By cell its length, and its heights above and below the cell's own axis.
        ends: By link how far from their axes it leaves its source and meets its target.
        pieces: What the links consist of, from each column to the next.
        column: By cell its column.
        row: By column its row.
        axis: By cell where its axis is, from that of the container.
        left: By cell where it starts.
        starts: By column where it starts.
        stops: By column where it stops.
        turns: By line that goes on in the next row where it turns, where it runs back, and where
            it turns again.
        length: The length of the whole.
        up: Its height above the axis.
        down: Its height below the axis.
        origin: Where the container's own start and axis are in the picture.
    """

    extent: dict[str, Extent]
    ends: list[tuple[float, float]]
    pieces: list[Piece]
    column: dict[str, int]
    row: list[int]
    axis: dict[str, float] = field(default_factory=dict)
    left: dict[str, float] = field(default_factory=dict)
    starts: list[float] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)
    turns: dict[Start, tuple[float, float, float]] = field(default_factory=dict)
    length: float = 0.0
    up: float = 0.0
    down: float = 0.0
    origin: tuple[float, float] = (0.0, 0.0)


def check_direction(direction: str) -> None:
    """Raise `ValueError` if a graph cannot run this way.

    Example:
        >>> check_direction("up")
        Traceback (most recent call last):
        ValueError: direction must be "right" or "down", got 'up'
    """
    if direction not in ("right", "down"):
        raise ValueError(f'direction must be "right" or "down", got {direction!r}')
