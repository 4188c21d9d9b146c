"""A pattern in few words and few cells, whatever its size."""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from ..pattern.marks import extents
from .sketch import EMPTY, LEVELS, Sketch

#: The most cells in a line, and how many lines.
MOST = 48


def sketch_of(rows: csr_array) -> Sketch:
    """Return a pattern in at most 48 by 48 cells.

    Example:
        >>> sketch_of(csr_array(np.ones((1, 100)))).lines[0] == 34 * "5"  # of three columns each
        True
    """
    m, n = extents(rows)
    # Cells of one size: of cells that differ by a row, every other one would be fuller.
    high, wide = max(1, -(-m // MOST)), max(1, -(-n // MOST))
    down, across = -(-m // high), -(-n // wide)
    row_of = np.repeat(np.arange(m), np.diff(rows.indptr))
    place = row_of // high * across + rows.indices // wide
    counts = np.bincount(place, minlength=down * across).reshape(down, across)
    room = np.outer(_sizes(m, high), _sizes(n, wide))
    share = counts / np.maximum(room, 1)
    levels = np.ceil(len(LEVELS) * share / max(share.max(initial=0.0), 1e-300)).astype(int)
    letters = np.array(list(EMPTY + LEVELS))[levels]
    return Sketch(
        m=m,
        n=n,
        entries=int(rows.nnz),
        lines=tuple("".join(line) for line in letters),
        said=tuple(said_of(m, n, blocks_of(rows), *band_of(rows))),
    )


def said_of(m: int, n: int, blocks: int, lower: int, upper: int) -> list[str]:
    """Return sentences on the parts that a pattern falls into, and on its band."""
    said = [f"{blocks:,} parts that share nothing"] if blocks > 1 else []
    if blocks and lower + upper < max(m, n) // 4:
        said.append(f"a band: {lower:,} below the diagonal, {upper:,} above")
    return said


def band_of(rows: csr_array) -> tuple[int, int]:
    """Return how far entries lie below the diagonal, and above, at most.

    Example:
        >>> band_of(csr_array(np.tri(4)))
        (3, 0)
    """
    offsets = rows.indices - np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    return int(-min(offsets.min(initial=0), 0)), int(max(offsets.max(initial=0), 0))


def blocks_of(rows: csr_array) -> int:
    """Return how many parts with an entry share neither an output nor an input.

    Example:
        >>> blocks_of(csr_array(np.eye(4))), blocks_of(csr_array(np.tri(4)))
        (4, 1)
    """
    m, n = extents(rows)
    row_of = np.repeat(np.arange(m), np.diff(rows.indptr))
    edges = csr_array(
        (np.ones(rows.nnz, np.int8), (row_of, m + rows.indices)), shape=(m + n, m + n)
    )
    labels = connected_components(edges, directed=False)[1]
    return distinct(labels[row_of], m + n)


def distinct(numbers: np.ndarray, end: int) -> int:
    """Return how many of the numbers from 0 to an end there are.

    Example:
        >>> distinct(np.array([3, 1, 3]), 5)
        2
    """
    there = np.zeros(end, bool)
    there[numbers] = True
    return int(there.sum())


def _sizes(length: int, size: int) -> np.ndarray:
    """Return how many numbers fall into each cell of a size; the last one may have fewer."""
    return np.minimum(size, length - np.arange(0, length, size))
