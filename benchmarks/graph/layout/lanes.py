"""Which cells of a grid stand on one straight line, the heaviest path first."""

import itertools
from collections import defaultdict
from collections.abc import Sequence

from .order import Segment


def aligned(
    columns: Sequence[Sequence[str]],
    pieces: Sequence[Segment],
    weights: dict[str, float],
    hint: tuple[str, str],
) -> tuple[tuple[tuple[str, ...], ...], int]:
    """Return the blocks, each a run of cells of successive columns, and which is the main one.

    Segments are taken by their importance: the heaviest path, then what passes through between
    columns, then by the weight of the heaviest path through them. One is left out if it would
    cross one that is taken, or if one of its ends is taken.
    """
    at = {cell: k for column in columns for k, cell in enumerate(column)}
    column_of = {cell: c for c, column in enumerate(columns) for cell in column}
    into, out_of = _heaviest(columns, pieces, weights, hint)
    pairs = list(dict.fromkeys((a, b) for a, b, _, _ in pieces))
    path = _path(columns, pairs, into, out_of)
    rank = {
        (a, b): (
            (a, b) not in path,
            not (a[0] == "d" and b[0] == "d"),
            -(into[a] + out_of[b]),
            column_of[a],
            at[a],
            at[b],
        )
        for a, b in pairs
    }
    following: dict[str, str] = {}
    preceding: dict[str, str] = {}
    taken: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for a, b in sorted(pairs, key=rank.__getitem__):
        others = taken[column_of[a]]
        crosses = any((at[a] - p) * (at[b] - q) <= 0 for p, q in others)
        if not crosses:
            others.append((at[a], at[b]))
            following[a], preceding[b] = b, a
    return _sorted_blocks(columns, following, preceding, next(iter(path), None))


def led(
    columns: Sequence[Sequence[str]], pieces: Sequence[Segment], weights: dict[str, float]
) -> str:
    """Return the in-port that the heaviest path starts from; `""` if it does from none."""
    into, out_of = _heaviest(columns, pieces, weights, ("", ""))
    pairs = list(dict.fromkeys((a, b) for a, b, _, _ in pieces))
    (first, _), *_ = [*_path(columns, pairs, into, out_of), ("", "")]
    return first if first[:1] == "i" else ""


def _heaviest(
    columns: Sequence[Sequence[str]],
    pieces: Sequence[Segment],
    weights: dict[str, float],
    hint: tuple[str, str],
) -> tuple[dict[str, float], dict[str, float]]:
    """Return by cell the weight of the heaviest path up to it, and from it on."""

    def weight(cell: str) -> float:
        if cell in hint:
            return 1e6
        return 1e3 if cell[0] in "io" else float(weights.get(cell, 0))

    into = {cell: weight(cell) for column in columns for cell in column}
    out_of = dict(into)
    before, after = defaultdict(list), defaultdict(list)
    for a, b, _, _ in pieces:
        before[b].append(a)
        after[a].append(b)
    for column in columns:
        for cell in column:
            into[cell] += max((into[a] for a in before[cell]), default=0.0)
    for column in reversed(columns):
        for cell in column:
            out_of[cell] += max((out_of[b] for b in after[cell]), default=0.0)
    return into, out_of


def _path(
    columns: Sequence[Sequence[str]],
    pairs: Sequence[tuple[str, str]],
    into: dict[str, float],
    out_of: dict[str, float],
) -> dict[tuple[str, str], None]:
    """Return the segments of the heaviest path, in order."""
    after: dict[str, list[str]] = defaultdict(list)
    starts = {cell for column in columns for cell in column}
    for a, b in pairs:
        after[a].append(b)
        starts.discard(b)
    cells = [cell for column in columns for cell in column if cell in starts and after[cell]]
    if not cells:
        return {}
    # Of two inputs the one with fewer uses leads: an argument rather than a weight.
    cell = min(cells, key=lambda c: (-out_of[c], len(after[c])))
    path: dict[tuple[str, str], None] = {}
    while after[cell]:
        following = max(after[cell], key=lambda c: out_of[c])
        path[cell, following] = None
        cell = following
    return path


def _sorted_blocks(
    columns: Sequence[Sequence[str]],
    following: dict[str, str],
    preceding: dict[str, str],
    first: tuple[str, str] | None,
) -> tuple[tuple[tuple[str, ...], ...], int]:
    blocks: list[tuple[str, ...]] = []
    block: dict[str, int] = {}
    for column in columns:
        for cell in column:
            if cell not in preceding:
                run = [cell]
                while run[-1] in following:
                    run.append(following[run[-1]])
                block |= dict.fromkeys(run, len(blocks))
                blocks.append(tuple(run))
    below: dict[int, set[int]] = defaultdict(set)
    waits = dict.fromkeys(range(len(blocks)), 0)
    for column in columns:
        for upper, lower in itertools.pairwise(column):
            if block[lower] not in below[block[upper]]:
                below[block[upper]].add(block[lower])
                waits[block[lower]] += 1
    order = [b for b in waits if not waits[b]]
    for b in order:  # grows as it is walked
        for lower in sorted(below[b]):
            waits[lower] -= 1
            if not waits[lower]:
                order.append(lower)
    main = order.index(block[first[0]]) if first else 0
    return tuple(blocks[b] for b in order), main
