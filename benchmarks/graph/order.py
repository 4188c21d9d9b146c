"""In which order the cells of each column stand, so that few links cross."""

import itertools
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Sequence

from .containers import Link

SWEEPS = 16

# A segment joins a cell to one of the next column; its end says where it meets that cell: a
# fraction of the distance of two cells, which tells the operands of a quotient apart.
Segment = tuple[str, str, float]


def segments(links: Sequence[Link], routes: Sequence[Sequence[str]]) -> list[Segment]:
    """Return the pieces of all routes from one column to the next, each once."""
    places: dict[str, int] = defaultdict(int)
    for link in links:
        if link.place is not None:
            places[link.target] = max(places[link.target], link.place + 1)
    pieces: dict[Segment, None] = {}
    for link, route in zip(links, routes, strict=True):
        end = 0.0
        if link.ordered and link.place is not None:
            end = (link.place + 1) / (places[link.target] + 1) - 0.5
        for k, (a, b) in enumerate(itertools.pairwise(route)):
            pieces[a, b, end if k == len(route) - 2 else 0.0] = None
    return list(pieces)


def crossings(columns: Sequence[Sequence[str]], pieces: Sequence[Segment]) -> int:
    """Return how often segments cross, at their targets' operands too."""
    at = {cell: k for column in columns for k, cell in enumerate(column)}
    column_of = {cell: c for c, column in enumerate(columns) for cell in column}
    between: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for a, b, end in pieces:
        between[column_of[a]].append((at[a], at[b] + end))
    return sum(_inversions(pairs) for pairs in between.values())


def _inversions(pairs: list[tuple[float, float]]) -> int:
    count, ends = 0, []
    for _, end in sorted(pairs):
        count += len(ends) - _after(ends, end)
        insort(ends, end)
    return count


def _after(ends: list[float], end: float) -> int:
    place = bisect_left(ends, end)
    while place < len(ends) and ends[place] == end:
        place += 1
    return place


def ordered(columns: list[list[str]], pieces: Sequence[Segment]) -> list[list[str]]:
    """Return the columns with their cells in the order with the fewest crossings that was met.

    At most `SWEEPS` sweeps order each column by its neighbours' middles, to and fro; after each,
    neighbours are swapped where that alone removes a crossing.
    """
    sources: dict[str, list[tuple[str, float]]] = defaultdict(list)
    targets: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for a, b, end in pieces:
        sources[b].append((a, -end))
        targets[a].append((b, end))
    best, fewest, stale = columns, crossings(columns, pieces), 0
    for sweep in range(SWEEPS):
        if not fewest or stale == 4:
            break
        columns = _swept(columns, targets if sweep % 2 else sources, backward=bool(sweep % 2))
        columns = _swapped(columns, sources, targets)
        count = crossings(columns, pieces)
        stale += 1
        if count < fewest:
            best, fewest, stale = columns, count, 0
    return best


def _swept(
    columns: list[list[str]], neighbours: dict[str, list[tuple[str, float]]], *, backward: bool
) -> list[list[str]]:
    done: dict[str, float] = {}
    swept = []
    for column in reversed(columns) if backward else columns:
        middle = {}
        for k, cell in enumerate(column):
            ends = [done[other] + end for other, end in neighbours[cell] if other in done]
            middle[cell] = sum(ends) / len(ends) if ends else float(k)
        column = sorted(column, key=middle.__getitem__)
        done |= {cell: float(k) for k, cell in enumerate(column)}
        swept.append(column)
    return swept[::-1] if backward else swept


def _swapped(
    columns: list[list[str]],
    sources: dict[str, list[tuple[str, float]]],
    targets: dict[str, list[tuple[str, float]]],
) -> list[list[str]]:
    columns = [list(column) for column in columns]
    at = {cell: float(k) for column in columns for k, cell in enumerate(column)}
    for column in columns:
        for k in range(len(column) - 1):
            a, b = column[k], column[k + 1]
            gain = 0
            for neighbours in (sources, targets):
                upper = [at[other] + end for other, end in neighbours[a]]
                lower = [at[other] + end for other, end in neighbours[b]]
                gain += sum((u > v) - (u < v) for u in upper for v in lower)
            if gain > 0:
                column[k], column[k + 1] = b, a
                at[a], at[b] = at[b], at[a]
    return columns
