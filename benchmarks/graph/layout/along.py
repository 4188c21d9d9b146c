"""Where the columns of a container are, and where it goes on in a next row, as a text does.

`place.js` does the same.
"""

from .across import across
from .frame import LINES, NARROW, TURN, WIDE, Frame, Start
from .layout import Grid


def along(grid: Grid, frame: Frame, *, pad: float, title: float, least: float, room: float) -> None:
    """Enter where all cells are: in one row, or in several where that is too long.

    Args:
        grid: The container's grid.
        frame: What is known of it; changed in place.
        pad: What is kept clear at both ends if there are no ports.
        title: What is kept clear at the start besides.
        least: The least length.
        room: The length beyond which there are several rows.
    """
    frame.axis = across(grid, frame)
    gaps = _gaps(grid, frame)
    widths = [max([frame.extent[x][0] for x in column], default=0.0) for column in grid.columns]
    frame.row = _rows(frame, gaps, widths, room - title - 2 * pad - 6 * TURN)
    if frame.row[-1]:
        frame.axis = across(grid, frame)
        gaps = _gaps(grid, frame)
    passing = _passing(frame)
    _columns(grid, frame, gaps, widths, passing, pad, title, least)
    takes = {route[-1] for route in grid.routes}
    for cell, c in frame.column.items():
        # What takes nothing stands next to what takes it, the rest in the middle of its column.
        spare = widths[c] - frame.extent[cell][0]
        frame.left[cell] = frame.starts[c] + (spare / 2 if cell in takes else spare)
    _move_rows(frame, passing)


def _gaps(grid: Grid, frame: Frame) -> list[float]:
    """Return by column what is clear before it: steep links get more."""
    gaps = [0.0] * len(grid.columns)
    for a, b, start, end in frame.pieces:
        rise = frame.axis[b] + end - frame.axis[a] - start
        c = frame.column[b]
        gaps[c] = max(gaps[c], NARROW + min(WIDE, abs(rise) / 8))
    return gaps


def _rows(frame: Frame, gaps: list[float], widths: list[float], room: float) -> list[int]:
    """Return by column its row: as few rows as there is room for, and about equally long."""
    last = len(widths) - 1
    starts, stops = [0.0, 0.0], [0.0, widths[1]]
    for c in range(2, last):
        starts.append(stops[-1] + gaps[c])
        stops.append(starts[-1] + widths[c])
    total = stops[-1]
    if total <= room:
        return [0] * (last + 1)
    into: list[set[str]] = [set() for _ in widths]
    for a, b, _, _ in frame.pieces:
        into[frame.column[b]].add(a)
    running = [len(cells) for cells in into]
    widest = _broken(starts, stops, running, room)
    for part in range(32, 64):
        limit = total / (widest[-1] + 1) * part / 32
        row = _broken(starts, stops, running, limit)
        if limit < room and row[-1] == widest[-1]:
            return row
    return widest


def _broken(starts: list[float], stops: list[float], running: list[int], limit: float) -> list[int]:
    """Return by column its row, if rows are at most so long and end where few lines run on."""
    last = len(starts)
    row = [0] * (last + 1)
    first = 1
    while first < last - 1 and stops[-1] - starts[first] > limit:
        fits = [c for c in range(first + 1, last) if stops[c - 1] - starts[first] <= limit]
        far = [c for c in fits if starts[c] - starts[first] >= limit / 2] or fits[-1:]
        first = min(far, key=lambda c: (running[c], -c)) if far else first + 1
        for c in range(first, last + 1):
            row[c] += 1
    return row


def _passing(frame: Frame) -> list[list[Start]]:
    """Return by row the lines that run on into the next, in their order across the flow."""
    found: list[dict[Start, float]] = [{} for _ in range(frame.row[-1] + 1)]
    for a, b, start, _ in frame.pieces:
        row = frame.row[frame.column[a]]
        if row != frame.row[frame.column[b]]:
            found[row][a, start] = frame.axis[a] + start
    return [sorted(lines, key=lines.__getitem__) for lines in found]


def _columns(
    grid: Grid,
    frame: Frame,
    gaps: list[float],
    widths: list[float],
    passing: list[list[Start]],
    pad: float,
    title: float,
    least: float,
) -> None:
    """Enter where columns start and stop, and how long all is; lines turn behind a row's end."""
    last = len(widths) - 1
    at, longest = 0.0, least
    for c, width in enumerate(widths):
        if c == 1:
            at += title + (gaps[1] if grid.columns[0] else pad)
        elif c == last:
            at = max(longest, at + (gaps[last] if grid.columns[last] else pad))
        elif c and frame.row[c] == frame.row[c - 1]:
            at += gaps[c]
        elif c:
            lines = passing[frame.row[c - 1]]
            for k, line in enumerate(reversed(lines)):
                frame.turns[line] = (at + TURN + LINES * k, 0.0, 0.0)
            room = LINES * max(0, len(lines) - 1)
            longest = max(longest, at + 2 * TURN + room + pad)
            at = title + pad + 3 * TURN + room
            for k, line in enumerate(lines):
                frame.turns[line] = (frame.turns[line][0], 0.0, at - 2 * TURN - LINES * k)
        frame.starts.append(at)
        at += width
        frame.stops.append(at)
    frame.length = at


def _move_rows(frame: Frame, passing: list[list[Start]]) -> None:
    """Move each row below the one before it, with room for the lines that run back."""
    at, below = 0.0, 0.0
    for row in range(frame.row[-1] + 1):
        cells = [cell for cell, c in frame.column.items() if frame.row[c] == row]
        if row:
            lines = passing[row - 1]
            for k, line in enumerate(reversed(lines)):
                before, _, after = frame.turns[line]
                frame.turns[line] = (before, at + below + TURN + LINES * k, after)
            at += below + 2 * TURN + LINES * max(0, len(lines) - 1)
            at += max(frame.extent[cell][1] - frame.axis[cell] for cell in cells)
        below = max((frame.extent[cell][2] + frame.axis[cell] for cell in cells), default=0.0)
        for cell in cells:
            frame.axis[cell] += at
