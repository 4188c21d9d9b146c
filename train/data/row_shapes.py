"""The rows that arrays of a data set share: how many there are, and of which shapes each is."""

from __future__ import annotations

from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from .._text import excerpt
from .._types import Data, Tree
from .._weighted import targets_of
from .arrays import Array

T = TypeVar("T")


def with_rows(tree: T) -> T:
    """Return a tree of arrays `[rows, ...]`, in which each number `[]` is repeated for every row.

    Raises:
        ValueError: If there is no row, or if the arrays do not have the same number of rows.

    Example:
        >>> with_rows({"x": np.ones((2, 3)), "t": np.array(5)})["t"].tolist()
        [5, 5]
    """
    rows = length(tree)

    def repeated(leaf: Array) -> Array:
        if leaf.ndim:
            return leaf
        repeat = np.broadcast_to if isinstance(leaf, np.ndarray) else jnp.broadcast_to
        return repeat(leaf, (rows,))

    return jax.tree.map(repeated, tree)


def length(data: Tree) -> int:
    """Return the number of rows that all arrays of a data set have; numbers `[]` are in each row.

    Raises:
        ValueError: If there is no row, or if the arrays do not have the same number of rows.

    Example:
        >>> import numpy as np
        >>> from gradwise import train
        >>> train.data.length((np.zeros((3, 4)), np.zeros(3)))
        3
    """
    shapes = list(dict.fromkeys(np.shape(leaf) for leaf in jax.tree.leaves(data)))
    lengths = {shape[0] for shape in shapes if shape}
    if len(lengths) != 1:
        raise ValueError(
            f"arrays of a data set need one length, got shapes {excerpt(shapes)}: give each "
            "the same rows"
        )
    rows = lengths.pop()
    if not rows:
        raise ValueError(f"a data set needs at least one row, got shapes {excerpt(shapes)}")
    return rows


def check_alike(train_data: Data, validation: Data) -> None:
    """Check that the rows of training and of validation data have the same shapes.

    Targets may have weights in one of them alone.

    Raises:
        ValueError: If they differ.
    """
    for name, *parts in zip("xy", train_data, validation, strict=True):
        train_part, part = map(targets_of, parts)
        if _row_shapes(train_part) != _row_shapes(part):
            raise ValueError(
                f"{name} of the validation data must be like that of the train data, got rows of "
                f"{_row_shapes(part)} and of {_row_shapes(train_part)}"
            )


def _row_shapes(tree: Tree) -> Tree:
    """Return the tree of the shapes that one row has."""
    return jax.tree.map(lambda leaf: np.shape(leaf)[1:], tree)
