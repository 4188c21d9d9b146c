"""The numbers of a Jacobian of examples that share inputs, with nothing between them.

Row by row, an example's numbers by all of a shared input, and by its own part of one that is the
batch's: `[m, width]`. A sparse result is read off these, and the dense one is never made.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse import csr_array

from ..colouring.tables import small
from ..pattern.marks import extents


def places_in_rows(
    rows: csr_array,
    x: Sequence[Any],
    batched: Sequence[bool],
    outputs: Sequence[Any],
    count: int,
) -> np.ndarray | None:
    """Return where the entries of a pattern are among the numbers; `None` if one is not.

    Args:
        rows: The pattern, `[m, n]`, its entries in order.
        x: The inputs that its columns are the numbers of.
        batched: Which of these have an entry for each example.
        outputs: What its rows are the numbers of, of all examples.
        count: How many examples there are.

    Example:
        >>> pattern = csr_array([[1, 1, 0], [0, 0, 1]])
        >>> shared, own = np.zeros(1), np.zeros(2)
        >>> places_in_rows(pattern, [shared, own], [False, True], [np.zeros(2)], 2).tolist()
        [0, 1, 3]
    """
    m, _ = extents(rows)
    row_of = np.repeat(np.arange(m, dtype=np.int64), np.diff(rows.indptr))
    heights = [math.prod(leaf.shape) // count for leaf in outputs]
    examples = np.concatenate([np.repeat(np.arange(count), height) for height in heights])
    sizes = [math.prod(leaf.shape) for leaf in x]
    widths = [size // count if own else size for size, own in zip(sizes, batched, strict=True)]
    lefts, starts = np.cumsum([0, *sizes]), np.cumsum([0, *widths])
    leaf_of = np.searchsorted(lefts, rows.indices, side="right") - 1
    inside = rows.indices - lefts[leaf_of]
    inside -= np.where(np.asarray(batched)[leaf_of], examples[row_of] * np.take(widths, leaf_of), 0)
    if np.any(inside < 0) or np.any(inside >= np.take(widths, leaf_of)):
        return None
    return small(row_of * starts[-1] + starts[leaf_of] + inside)


def numbers_of(lines: Sequence[Sequence[jax.Array]], heights: Sequence[int]) -> jax.Array:
    """Return the numbers as one vector.

    Args:
        lines: For each output its parts by each input, `[examples, 1, *outputs, *input]`.
        heights: How many numbers each output holds.
    """
    every = []
    for line, height in zip(lines, heights, strict=True):
        parts = [part.reshape(height, -1) for part in line]
        every.append(jnp.concatenate(parts, axis=1).ravel())
    return jnp.concatenate(every)
