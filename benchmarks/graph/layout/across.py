"""Where the cells of a container are across the flow; `place.js` does the same."""

from collections import defaultdict
from itertools import pairwise
from math import inf

from .frame import BOXES, LINES, SWEEPS, Frame, Piece
from .layout import Grid


def across(grid: Grid, frame: Frame) -> dict[str, float]:
    """Return by cell where its axis is: blocks as near to their links as what is beside allows.

    A block moves as a whole, in each row by itself. From where it packs all blocks to one side,
    sweeps move each one to the mean of where its links pull it, as far as its neighbours let it.
    """
    blocks = _blocks(grid, frame)
    block = {cell: b for b, cells in enumerate(blocks) for cell in cells}
    n = max(1, len(grid.blocks))
    pulls = [p for p in frame.pieces if block[p[0]] // n == block[p[1]] // n]
    shift = _shifts(grid, pulls, block)
    above: list[dict[int, float]] = [{} for _ in blocks]
    below: list[dict[int, float]] = [{} for _ in blocks]
    for column in grid.columns:
        for a, b in pairwise(column):
            between = LINES if "d" in (a[0], b[0]) else BOXES
            room = frame.extent[a][2] + between + frame.extent[b][1] + shift[a] - shift[b]
            room = max(room, above[block[b]].get(block[a], -inf))
            above[block[b]][block[a]] = below[block[a]][block[b]] = room
    springs: list[list[tuple[int, float]]] = [[] for _ in blocks]
    for a, b, start, end in pulls:
        if block[a] != block[b]:
            pull = shift[a] + start - shift[b] - end
            springs[block[a]].append((block[b], -pull))
            springs[block[b]].append((block[a], pull))
    at: list[float] = []
    for b in range(len(blocks)):
        at.append(max([at[a] + room for a, room in above[b].items()], default=0.0))
    for sweep in range(SWEEPS):
        order = range(len(at))
        for b in reversed(order) if sweep % 2 == 0 else order:
            if springs[b]:
                wish = sum(at[other] + pull for other, pull in springs[b]) / len(springs[b])
                least = max([at[a] + room for a, room in above[b].items()], default=-inf)
                most = min([at[c] - room for c, room in below[b].items()], default=inf)
                at[b] = max(least, min(most, wish))
    zeros = [at[k] for k in range(grid.main, len(at), max(1, len(grid.blocks)))]
    return {cell: at[b] + shift[cell] - zeros[b // len(grid.blocks)] for cell, b in block.items()}


def _blocks(grid: Grid, frame: Frame) -> list[list[str]]:
    """Return the blocks, or what of them is in the first row, then in the second, and so on."""
    rows = range(frame.row[-1] + 1)
    return [
        [cell for cell in cells if frame.row[frame.column[cell]] == row]
        for row in rows
        for cells in grid.blocks
    ]


def _shifts(grid: Grid, pulls: list[Piece], block: dict[str, int]) -> dict[str, float]:
    """Return by cell how far its axis is from its block's, so that the lines in it are straight.

    A line may leave an open group further down than it enters it.
    """
    steps: dict[tuple[str, str], list[float]] = defaultdict(list)
    for a, b, start, end in pulls:
        if block[a] == block[b]:
            steps[a, b].append(start - end)
    shift: dict[str, float] = {}
    for cells in grid.blocks:
        for k, cell in enumerate(cells):
            found = steps.get((cells[k - 1], cell)) if k else None
            shift[cell] = shift[cells[k - 1]] + sum(found) / len(found) if found else 0.0
    return shift
