"""Where the partial derivatives of blocks are in a pattern, or what of it they do not tell."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..colouring.tables import small
from ..pattern.marks import extents
from .blocks import Block, Column, Local
from .cells import RefusedError

#: Partial derivatives that are added to one entry, at most.
_MOST_ADDED = 4


def places_of(local: Local, rows: csr_array, x: Sequence[Any]) -> tuple[np.ndarray, ...] | None:
    """Return for each entry of a pattern where its numbers are among those of blocks.

    Args:
        local: The blocks.
        rows: The pattern, whose entries are in order.
        x: The inputs.

    Returns:
        Arrays `[nnz]` of places, whose numbers are added; the place after the last number stands
        for none. It is `None` where the numbers are the entries as they are.

    Raises:
        RefusedError: If very many are added to one entry, or an output is told twice.
    """
    n = extents(rows)[1]
    numbers = [block.numbers.max(initial=-1) + 1 for block in local.blocks]
    row_of = np.full(max(numbers, default=0), -1, np.int64)
    real = np.flatnonzero((local.places > 0) & (local.places <= row_of.size))
    row_of[local.places[real] - 1] = real
    if np.any(row_of[local.places[real] - 1] != real):
        raise RefusedError("an output is told twice")
    keys = [_keys(local, block, row_of, n, x) for block in local.blocks]
    mine = np.concatenate([*keys, np.zeros(0, np.int64)])
    lines = np.repeat(np.arange(rows.shape[0], dtype=np.int64), np.diff(rows.indptr))
    entries = lines * n + rows.indices
    return None if np.array_equal(mine, entries) else _matched(mine, entries)


def _matched(mine: np.ndarray, entries: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return for each entry the places of its numbers; those of others are left out."""
    order = np.argsort(mine, kind="stable")
    ordered, found = mine[order], []
    first = np.searchsorted(ordered, entries)
    last = np.searchsorted(ordered, entries, side="right")
    order = np.append(order, mine.size)
    for added in range(int(np.max(last - first, initial=0))):
        at = np.where(first + added < last, first + added, mine.size)
        found.append(small(order[at]))
    if len(found) > _MOST_ADDED:
        raise RefusedError("many numbers are added to one entry")
    return tuple(found)


def _keys(local: Local, block: Block, row_of: np.ndarray, n: int, x: Sequence[Any]) -> np.ndarray:
    """Return the places in the flat matrix of a block's numbers; -1 for what is no output's."""
    keys = []
    for column in block.columns:
        lines = row_of[block.numbers[:, column.component]]
        keys.append(np.where(lines < 0, -1, lines * n + _columns(local, column, x)))
    return np.stack(keys, axis=1).ravel()


def _columns(local: Local, column: Column, x: Sequence[Any]) -> np.ndarray:
    """Return which input, of all, a partial derivative is by, for each example."""
    leaf, axis = x[column.leaf], local.axes[column.leaf]
    start = sum(int(np.prod(other.shape, dtype=int)) for other in x[: column.leaf])
    every = np.arange(start, start + int(np.prod(leaf.shape, dtype=int))).reshape(leaf.shape)
    if axis is None:
        return every.ravel()[column.own]
    own = np.moveaxis(every, axis, 0).reshape(leaf.shape[axis], -1)[:, column.own]
    return own if column.at is None else own[_values(local, column.at)]


def _values(local: Local, place: int) -> np.ndarray:
    """Return the values of an index."""
    formula, raws = local.space.formulas.every[place], local.space.raws
    name, *told = formula.what
    if name == "line":
        start, step = told
        return start + step * np.arange(formula.length) if formula.length else np.asarray(start)
    inner = [_values(local, operand) for operand in formula.operands]
    if name == "shift":
        return told[0] + told[1] * inner[0]
    if name == "take":
        return inner[0][inner[1]]
    key, axis, component = told
    values = np.asarray(raws[key].value)
    if axis is None:
        return values.ravel()[component]
    return np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)[:, component]
