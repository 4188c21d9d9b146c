"""In which order the cells of each column stand, so that few links cross."""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from .containers import Link

SWEEPS = 12
STALE = 4  # sweeps without a gain, after which a start is left
STARTS = 16  # orders to start from, for few cells
CELLS = 1200  # which times their cells stay below this

# A segment joins a cell to one of the next column. Two fractions of the distance of two cells say
# where it leaves and where it meets them: the ports of a group differ, and a quotient's operands.
Segment = tuple[str, str, float, float]
Ends = dict[str, list[tuple[str, float, float]]]  # by cell: another cell, where there, where here


def segments(
    links: Sequence[Link], routes: Sequence[Sequence[str]], ports: Mapping[tuple[str, str], float]
) -> list[Segment]:
    """Return the pieces of all routes from one column to the next, each once.

    Args:
        links: The links of a container.
        routes: The cells that they run through.
        ports: By a group and the name of a port of its where that is: a fraction.
    """
    places: dict[str, int] = defaultdict(int)
    for link in links:
        if link.place is not None:
            places[link.target] = max(places[link.target], link.place + 1)
    pieces: dict[Segment, None] = {}
    for link, route in zip(links, routes, strict=True):
        start = ports.get((link.source, link.leaves), 0.0)
        end = ports.get((link.target, link.enters), 0.0)
        if link.ordered and link.place is not None:
            end = fraction(link.place, places[link.target])
        last = len(route) - 1
        for k in range(last):
            pieces[route[k], route[k + 1], start * (k == 0), end * (k + 1 == last)] = None
    return list(pieces)


def fraction(place: int, places: int) -> float:
    """Return where the place is of so many, between -1/2 and 1/2."""
    return (place + 1) / (places + 1) - 0.5


def crossings(columns: Sequence[Sequence[str]], pieces: Sequence[Segment]) -> int:
    """Return how often segments cross, at their targets' operands too."""
    at = {cell: k for column in columns for k, cell in enumerate(column)}
    column_of = {cell: c for c, column in enumerate(columns) for cell in column}
    between: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for a, b, start, end in pieces:
        between[column_of[a]].append((at[a] + start, at[b] + end))
    return sum(_inversions(pairs) for pairs in between.values())


def _inversions(pairs: list[tuple[float, float]]) -> int:
    count, ends = 0, []
    for _, end in sorted(pairs):
        count += len(ends) - bisect_right(ends, end)
        insort(ends, end)
    return count


def ordered(columns: list[list[str]], pieces: Sequence[Segment]) -> list[list[str]]:
    """Return the columns with their cells in the order with the fewest crossings that was met.

    From each start, sweeps order every column by its neighbours' middles, to and fro; after each,
    neighbours are swapped where that alone removes a crossing. The work is bounded: `SWEEPS` sweeps
    a start, and few starts for many cells.
    """
    sources: Ends = defaultdict(list)
    targets: Ends = defaultdict(list)
    for a, b, start, end in pieces:
        sources[b].append((a, start, end))
        targets[a].append((b, end, start))
    best, fewest = columns, crossings(columns, pieces)
    for trial in _starts(columns):
        stale = 0
        for sweep in range(SWEEPS):
            if not fewest or stale == STALE:
                break
            trial = _swept(trial, targets if sweep % 2 else sources, backward=bool(sweep % 2))
            trial = _swapped(trial, sources, targets)
            count = crossings(trial, pieces)
            stale += 1
            if count < fewest:
                best, fewest, stale = trial, count, 0
    return best


def _starts(columns: list[list[str]]) -> Iterator[list[list[str]]]:
    """Yield the given order, its reverse, and as many mixed ones as there is time for."""
    yield columns
    yield [column[::-1] for column in columns]
    cells = sum(map(len, columns))
    for start in range(2, min(STARTS, CELLS // max(cells, 1))):
        yield [
            [column[k] for k in sorted(range(len(column)), key=lambda k: (k + 1) * start**3 % 101)]
            for column in columns
        ]


def _swept(columns: list[list[str]], neighbours: Ends, *, backward: bool) -> list[list[str]]:
    done: dict[str, float] = {}
    swept = []
    for column in reversed(columns) if backward else columns:
        middle = {}
        for k, cell in enumerate(column):
            ends = [done[a] + there - here for a, there, here in neighbours[cell] if a in done]
            middle[cell] = sum(ends) / len(ends) if ends else float(k)
        column = sorted(column, key=middle.__getitem__)
        done |= {cell: float(k) for k, cell in enumerate(column)}
        swept.append(column)
    return swept[::-1] if backward else swept


def _swapped(columns: list[list[str]], sources: Ends, targets: Ends) -> list[list[str]]:
    columns = [list(column) for column in columns]
    at = {cell: float(k) for column in columns for k, cell in enumerate(column)}
    for column in columns:
        for k in range(len(column) - 1):
            a, b = column[k], column[k + 1]
            gain = 0
            for ends in (sources, targets):
                upper = [at[other] + there for other, there, _ in ends[a]]
                lower = [at[other] + there for other, there, _ in ends[b]]
                gain += sum((u > v) - (u < v) for u in upper for v in lower)
            if gain > 0:
                column[k], column[k + 1] = b, a
                at[a], at[b] = at[b], at[a]
    return columns
