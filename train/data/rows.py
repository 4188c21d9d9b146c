"""Rows of a data set: split, cut into folds, taken."""

from __future__ import annotations

from typing import TypeVar

import jax
import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_key
from .._explicit import rows_of
from .._global_arrays import local
from .._text import excerpt
from .accepted import tree_of_rows
from .row_shapes import length

T = TypeVar("T")


def split(
    key: jax.Array, data: T, *, test: float, stratify: ArrayLike | None = None
) -> tuple[T, T]:
    """Split a data set at random into `(training part, test part)`.

    Args:
        key: Decides which row goes to which part.
        data: A pytree of arrays `[rows, ...]`, usually `(x, y)`; a list of pairs is joined first.
        test: The share of the rows that goes to the test part, between 0 and 1. Each part gets at
            least one row.
        stratify: Labels `[rows]`, numbers or texts: each part gets every label's share of its
            rows, to within one row.

    Raises:
        ValueError: If `test` is not between 0 and 1, if there are fewer than two rows, or if a
            label to stratify by is NaN, or that of a single row.

    Example:
        >>> import jax, numpy as np
        >>> from gradwise import train
        >>> data = np.eye(5), np.arange(5)
        >>> train_part, test_part = train.data.split(jax.random.key(0), data, test=0.4)
        >>> train_part[0].shape, sorted([*train_part[1].tolist(), *test_part[1].tolist()])
        ((3, 5), [0, 1, 2, 3, 4])
        >>> labels = np.array([0, 0, 0, 0, 0, 0, 1, 1])
        >>> _, held_out = train.data.split(jax.random.key(0), labels, test=0.5, stratify=labels)
        >>> np.bincount(held_out).tolist()
        [3, 1]
    """
    if not 0 < test < 1:
        raise ValueError(f"split needs a test share between 0 and 1, got {test}")
    check_key(key)
    data = tree_of_rows("the data", data)
    rows = length(data)
    if rows < 2:
        raise ValueError(f"split needs at least two rows, got {rows}")
    test_rows = min(max(round(test * rows), 1), rows - 1)
    order = np.asarray(jax.random.permutation(key, rows))
    if stratify is not None:
        order = _test_rows_first(order, _classes("split", stratify, rows), test_rows)
    return take(data, order[test_rows:]), take(data, order[:test_rows])


def folds(
    key: jax.Array, rows: int, count: int, *, stratify: ArrayLike | None = None
) -> np.ndarray:
    """Cut shuffled rows into folds of one size; `rows % count` of them are in no fold.

    Args:
        key: Decides which row goes to which fold.
        rows: How many rows the data set has.
        count: How many folds.
        stratify: Labels `[rows]`, numbers or texts: two folds differ by at most one row of each
            label.

    Returns:
        The rows of each fold `[count, rows // count]`.

    Raises:
        ValueError: If there are fewer than two folds, or more of them than rows; or if a label to
            stratify by is NaN, or that of a single row.

    Example:
        >>> import jax, numpy as np
        >>> from gradwise import train
        >>> labels = np.array([0, 1, 0, 1, 0, 1, 0, 1])
        >>> parts = train.data.folds(jax.random.key(0), 8, 4, stratify=labels)
        >>> labels[parts].sum(axis=1).tolist(), sorted(parts.ravel().tolist())
        ([1, 1, 1, 1], [0, 1, 2, 3, 4, 5, 6, 7])
    """
    if not 2 <= count <= rows:
        raise ValueError(f"folds must be between 2 and the {rows} rows, got {count}")
    check_key(key)
    order = np.asarray(jax.random.permutation(key, rows))
    used = rows // count * count
    if stratify is None:
        return order[:used].reshape(count, -1)
    classes = _classes("folds", stratify, rows)
    # Rows of a class stand side by side and are dealt like cards, so that a fold gets its share.
    kept = order[:used]
    by_class = kept[np.argsort(classes[kept], kind="stable")]
    return by_class.reshape(-1, count).T


def _classes(who: str, labels: ArrayLike, rows: int) -> np.ndarray:
    """Return labels as the numbers of their classes `[rows]`."""
    labels = np.asarray(local(labels))
    if labels.shape != (rows,):
        raise ValueError(f"{who} stratifies by labels ({rows},), got shape {labels.shape}")
    if (missing := np.flatnonzero(labels != labels)).size:
        raise ValueError(f"{who} cannot stratify by NaN, got one in row {missing[0]}")
    values, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if counts.min() < 2:
        rare = excerpt(values[counts.argmin()])
        raise ValueError(
            f"{who} stratifies by labels of two rows or more, got {rare} in one row of {rows}: "
            "leave it out, or join it to another label"
        )
    return classes


def _test_rows_first(order: np.ndarray, classes: np.ndarray, test_rows: int) -> np.ndarray:
    """Return the order with the test rows in front, of each class its share.

    A class gets its share rounded down, and the rows that are missing then go to the largest
    remainders (Hamilton's method).
    """
    shares = np.bincount(classes) * test_rows / len(order)
    counts = np.floor(shares).astype(int)
    counts[np.argsort(counts - shares, kind="stable")[: test_rows - counts.sum()]] += 1
    ranks = np.empty(len(order), int)  # of each row among those of its class, in the order
    by_class = np.argsort(classes[order], kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(classes))[:-1]])
    ranks[by_class] = np.arange(len(order)) - np.repeat(starts, np.bincount(classes))
    is_test = ranks < counts[classes[order]]
    return np.concatenate([order[is_test], order[~is_test]])


def take(data: T, indices: jax.Array | np.ndarray) -> T:
    """Return the rows `indices` of every array of a data set.

    Example:
        >>> import numpy as np
        >>> from gradwise import train
        >>> train.data.take((np.eye(3), np.arange(3)), np.array([2]))[1].tolist()
        [2]
    """
    return jax.tree.map(lambda leaf: rows_of(leaf, indices), data)
