"""What a pattern looks like, in a word: a diagonal, a stencil, a band, an arrow, blocks."""

import numpy as np
from scipy.sparse import csr_array

from ..pattern.marks import extents
from .sketching import blocks_of

#: A stencil has at most so many diagonals, which are this full on average, and few of all.
_MOST_DIAGONALS, _FULL = 64, 0.3
#: Or these hold this share of the entries.
_MOSTLY = 0.9
#: A band is this many times narrower than the matrix.
_NARROW = 8


def shape_of(rows: csr_array) -> str:
    """Return what a pattern looks like; `""` for one that has no name.

    Example:
        >>> shape_of(csr_array(np.eye(8))), shape_of(csr_array(np.tri(8)))
        ('a diagonal', '')
        >>> around = sum(np.roll(np.eye(40), step, 1) for step in (-1, 0, 1))
        >>> shape_of(csr_array(around))
        'a stencil'
    """
    m, n = extents(rows)
    if not rows.nnz:
        return "nothing but zeros"
    if rows.nnz == m * n:
        return ""
    row_of = np.repeat(np.arange(m), np.diff(rows.indptr))
    offsets, counts = np.unique(rows.indices - row_of, return_counts=True)
    if offsets.size == 1:
        return "a diagonal"
    few = offsets.size <= min(_MOST_DIAGONALS, min(m, n) // 4)
    in_full = int(counts[counts > _FULL * min(m, n)].sum())  # not where the ends of a grid meet
    if few and (in_full > _MOSTLY * rows.nnz or counts.mean() > _FULL * min(m, n)):
        return "a stencil"
    if (offsets[-1] - offsets[0]) * _NARROW < min(m, n):
        return "a band"
    parts = blocks_of(rows)
    if parts > 1:
        return f"{parts:,} blocks"
    return "an arrow" if _is_arrow(rows) else ""


def _is_arrow(rows: csr_array) -> bool:
    """Whether a few lines are long and all others are short."""
    m, n = extents(rows)
    down = np.bincount(rows.indices, minlength=n)
    long_rows, long_columns = np.diff(rows.indptr) > n // 4, down > m // 4
    few = int(long_rows.sum()) + int(long_columns.sum())
    return 0 < few <= max(2, min(m, n) // _NARROW) and rows.nnz < m * n // 4
