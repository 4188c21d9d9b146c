"""A pattern as a picture of text: dots of Braille, two by four to a letter."""

import numpy as np
from scipy.sparse import csr_array

from ..pattern.marks import extents

#: The bits of a letter by the place of its dots, four rows of two (Unicode 15, ch. 21.1).
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
_BLANK = 0x2800


def drawn(rows: csr_array, *, width: int = 36, height: int = 18) -> list[str]:
    """Return lines of text in which a dot is a part of the pattern with an entry in it.

    Args:
        rows: The pattern.
        width: The most letters in a line.
        height: The most lines.

    Example:
        >>> drawn(csr_array(np.eye(8)))
        ['⠑⢄⠀⠀', '⠀⠀⠑⢄']
    """
    m, n = extents(rows)
    if not m or not n:
        return []
    scale = max(m / (4 * height), n / (2 * width), 1.0)
    down, across = max(1, round(m / scale)), max(1, round(n / scale))
    row_of = np.repeat(np.arange(m), np.diff(rows.indptr))
    dots = np.zeros((-(-down // 4) * 4, -(-across // 2) * 2), bool)
    y = np.minimum((row_of / scale).astype(np.int64), down - 1)
    x = np.minimum((rows.indices / scale).astype(np.int64), across - 1)
    dots[y, x] = True
    letters = dots.reshape(dots.shape[0] // 4, 4, dots.shape[1] // 2, 2)
    codes = np.einsum("aibj,ij->ab", letters.astype(np.int64), _BITS) + _BLANK
    return ["".join(map(chr, line)) for line in codes]
