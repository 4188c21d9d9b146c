"""What a compiled program needs to know of a pattern and a plan, as arrays of whole numbers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from ...derivatives.problem import Problem
from ..pattern.marks import extents
from .plans import Plan
from .unrolled import Seeds, seeds_of

#: Numbers of seeds, or places, that a program may hold.
_MOST_WITHIN = 400_000


class Within:
    """An array that a program holds, so that what follows from it alone is computed once.

    Other arrays are passed to it: to look into large ones takes long as it is compiled.

    Attributes:
        array: The array.
    """

    def __init__(self, array: np.ndarray) -> None:
        """Hold an array."""
        self.array = array

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return self.array.size


class Block(NamedTuple):
    """The entries of one output by one input.

    Attributes:
        entries: Which of all entries they are; `None` for all of them.
        source: Where they are among the products; `None` for where all entries are.
        places: `[entries, 2]`, their rows and columns in the block as a matrix, ascending.
        shape: That of the block.
        matrix: The same as numbers of rows and columns.
    """

    entries: np.ndarray | Within | None
    source: np.ndarray | Within | None
    places: np.ndarray | Within
    shape: tuple[int, ...]
    matrix: tuple[int, int]


class Tables(NamedTuple):
    """What a program needs to know of a pattern and a plan; arrays of whole numbers.

    Attributes:
        forward: A colour for each column.
        reverse: A colour for each row.
        counts: How many colours there are, forward and reverse.
        source: `[nnz]`, the place of each entry among the products; `None` for its own.
        blocks: For each output its block by each input.
        seeds: The forward seeds, if they are pushed one by one.
    """

    forward: np.ndarray | Within
    reverse: np.ndarray | Within
    counts: tuple[int, int]
    source: np.ndarray | Within | None
    blocks: tuple[tuple[Block, ...], ...]
    seeds: Seeds | None = None


def tables_of(
    rows: csr_array, plan: Plan, problem: Problem, outputs: Sequence[tuple[int, ...]]
) -> Tables:
    """Return the tables of a pattern whose entries are in order.

    Args:
        rows: The pattern.
        plan: How it is taken.
        problem: What is differentiated.
        outputs: The shapes of its outputs; for a Hessian those of its inputs.
    """
    m, n = extents(rows)
    row_of = np.repeat(np.arange(m, dtype=np.int64), np.diff(rows.indptr))
    columns = rows.indices.astype(np.int64)
    read, off = plan.read_at(rows)
    forward, start = plan.forward.colours[off] * m + read, plan.forward.count * m
    seeds = seeds_of(problem, plan.forward)
    if seeds:
        forward, start = seeds.places(plan.forward.colours[off], read)
    source = np.where(
        plan.by_forward,
        forward,
        start + plan.reverse.colours[row_of] * n + columns,
    )
    blocks, above = [], 0
    for output in outputs:
        size, left, line = int(np.prod(output, dtype=np.int64)), 0, []
        for leaf in problem.x:
            inside = (row_of >= above) & (row_of < above + size)
            inside &= (columns >= left) & (columns < left + leaf.size)
            places = np.stack([row_of[inside] - above, columns[inside] - left], axis=1)
            entries = None if inside.all() else np.flatnonzero(inside)
            taken = None if entries is None else source[entries]
            entries, taken, places = map(_within, (entries, taken, places))
            line.append(Block(entries, taken, places, output + leaf.shape, (size, leaf.size)))
            left += leaf.size
        blocks.append(tuple(line))
        above += size
    return Tables(
        _within(plan.forward.colours, plan.forward.count),
        _within(plan.reverse.colours, plan.reverse.count),
        (plan.forward.count, plan.reverse.count),
        _within(source),
        tuple(blocks),
        seeds,
    )


def _within(places: Any, each: int = 1) -> Any:
    """Let a program hold places, or colours and the seeds that follow, where they are few."""
    few = places is not None and places.size * each <= _MOST_WITHIN
    return Within(small(places)) if few else small(places)


def without(places: Any) -> Any:
    """Return places as an array, whether a program holds them or is passed them."""
    return places.array if isinstance(places, Within) else places


def small(places: Any) -> Any:
    """Return places in 32 bits where these are enough."""
    if places is None or places.max(initial=0) > np.iinfo(np.int32).max:
        return places
    return places.astype(np.int32)


def of_entries(tables: Tables) -> Tables:
    """Return the tables for numbers that are the entries themselves, not products."""
    blocks = [[part._replace(source=part.entries) for part in line] for line in tables.blocks]
    return tables._replace(source=None, blocks=tuple(map(tuple, blocks)))
