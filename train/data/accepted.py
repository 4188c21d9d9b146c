"""Decide what data are: the one place where what a user passes becomes arrays `[rows, ...]`.

Every function that takes data calls this module: `fit`, `make_run`, `evaluate`, `predict`,
`grid_search`, each batch of a stream, `split` and `scaler`. The docstring of the package says what
they take; `arrays.py` decides for one leaf, there and in `init` and `save`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from .._global_arrays import check_global
from .._text import excerpt
from .._types import Data, Tree
from .arrays import Array, as_arrays, converted, is_numbers
from .row_shapes import check_alike, length, with_rows

T = TypeVar("T")


def data_set(name: str, data: object) -> Data:
    """Return a data set as a pair `(x, y)` of trees of arrays `[rows, ...]`.

    A list of pairs is joined: its pairs are batches of one data set.

    Raises:
        ValueError: If there is no row, or if the arrays do not have the same rows.
        TypeError: If it is no pair of arrays.

    Example:
        >>> x, y = data_set("the data", [(np.ones((2, 3)), [0, 1]), (np.ones((1, 3)), [2])])
        >>> x.shape, y.tolist()
        ((3, 3), [0, 1, 2])
    """
    if isinstance(data, list):
        return _joined(name, data)
    if not isinstance(data, tuple) or len(data) != 2:
        raise TypeError(
            f"{name} must be a pair (x, y) of arrays, a tuple, got {excerpt(_kind(data))}"
        )
    x, y = converted((data[0], data[1]), lambda path: _named_part(name, path), is_leaf=is_numbers)
    for part, tree in {"x": x, "y": y}.items():
        leaves = jax.tree.leaves(tree)
        if leaves and not any(leaf.ndim for leaf in leaves):
            raise ValueError(
                f"{part} of {name} has no rows, got {excerpt(_shapes(tree))}: a pair of one example"
                " is no batch; stack examples first, x and y = map(np.stack, zip(*examples))"
            )
    try:
        return with_rows((x, y))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def tree_of_rows(name: str, data: T) -> T:
    """Return a data set of any structure, with or without targets, as a tree of arrays.

    A list of pairs is joined, as `data_set` does.

    Raises:
        ValueError: If there is no row, or if the arrays do not have the same rows.
        TypeError: If a leaf holds no numbers.

    Example:
        >>> tree_of_rows("the data", {"x": [1, 2], "t": 5})["t"].tolist()
        [5, 5]
    """
    if isinstance(data, list) and _are_pairs(data):
        return _joined(name, data)
    arrays = as_arrays(name, data)
    try:
        return with_rows(arrays)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def check_no_targets(name: str, x: Tree) -> None:
    """Check that features are not a data set `(x, y)`, whose labels would be scaled with them.

    Raises:
        TypeError: If they are a tuple of two arrays of which the second looks like targets: it has
            fewer axes, or holds integers beside features that do not.
    """
    if type(x) is not tuple or len(x) != 2:
        return
    if not all(isinstance(part, np.ndarray | jax.Array) for part in x):
        return
    x, y = x
    labels = not jnp.issubdtype(y.dtype, jnp.floating) and jnp.issubdtype(x.dtype, jnp.floating)
    if labels or y.ndim < x.ndim:
        raise TypeError(
            f"{name} must be features alone, got a pair (x, y) with y of shape {y.shape} and "
            f"{y.dtype}: x, y = train_data, and scale x; two arrays of features go in a dict"
        )


def data_sets(
    train_data: object, validation: object, *, batch_size: int
) -> tuple[Data, Data | None]:
    """Return training data and validation data as pairs of arrays that fit each other.

    Raises:
        ValueError: If a set is empty or smaller than a batch, or if their rows differ in shape; or
            if there are several processes, and a set is of this one alone.
        TypeError: If a set is no pair of arrays.

    Example:
        >>> train_data, validation = data_sets(([[1.0]], [2]), None, batch_size=1)
        >>> train_data[0].shape, validation
        ((1, 1), None)
    """
    train_set = data_set("the train data", train_data)
    check_global("the train data", train_set)
    if batch_size > (rows := length(train_set)):
        raise ValueError(
            f"batch_size={batch_size} is above the {rows} rows of the train data: choose less"
        )
    if validation is None:
        return train_set, None
    held_out = data_set("the validation data", validation)
    check_global("the validation data", held_out)
    check_alike(train_set, held_out)
    return train_set, held_out


def on_device(tree: T) -> T:
    """Return the tree with every array on a device, those that are there already untouched.

    Each has the dtype that JAX has for it, 32 bits for 64 unless `jax_enable_x64` is set.

    Example:
        >>> on_device({"pixels": np.array([3, 255], np.uint8)})
        {'pixels': Array([  3, 255], dtype=uint8)}
    """
    return jax.tree.map(jnp.asarray, tree)


def check_source(name: str, source: object, *, epochs: int) -> None:
    """Check that a source of host batches can give them in every epoch.

    Raises:
        ValueError: If it can be read only once, and there are several epochs.
        TypeError: If it is neither an iterable nor a function.
    """
    if callable(source):
        _check_takes_epoch(name, source)
        return
    if isinstance(source, Mapping | str):
        raise TypeError(
            f"{name} must be a pair (x, y) of arrays, a tuple, got {excerpt(_kind(source))}"
            + (": pass (x, y) of what it holds" if isinstance(source, Mapping) else "")
        )
    if not isinstance(source, Iterable):
        raise TypeError(
            f"{name} must be a pair (x, y) of arrays, an iterable of such pairs, or a function "
            f"epoch -> iterable, got {type(source).__name__}"
        )
    if isinstance(source, Iterator) and epochs > 1:
        raise ValueError(
            f"{name} must give its batches in each of {epochs} epochs, got a "
            f"{type(source).__name__}, which can be read only once: pass a function of the epoch "
            "that makes one"
        )


def _check_takes_epoch(name: str, source: Callable[..., object]) -> None:
    try:
        inspect.signature(source).bind(0)
    except TypeError as error:
        raise TypeError(
            f"{name} must be a function of the epoch's number that gives batches: {error}"
        ) from None
    except ValueError:  # a function of another language has no signature
        return


def batch_of(name: str, pair: object) -> Data:
    """Return a batch that a source has given, a tuple or a list of two, as a pair of arrays.

    Raises:
        ValueError: If there is no row, or if the arrays do not have the same rows.
        TypeError: If it is no pair of arrays.

    Example:
        >>> batch_of("the data", [np.ones((2, 3)), [0, 1]])[1]
        array([0, 1])
    """
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise TypeError(
            f"{name} must come in pairs (x, y), got {excerpt(_kind(pair))}: whole arrays are one "
            "tuple (x, y), not a list"
        )
    return data_set(f"a batch of {name}", tuple(pair))


def _joined(name: str, pairs: list) -> Data:
    if not _are_pairs(pairs):
        raise TypeError(
            f"{name} must be a pair (x, y) of arrays, a tuple, or a list of such pairs, got "
            f"{excerpt(_kind(pairs))}"
        )
    parts = [batch_of(name, pair) for pair in pairs]
    for part in parts[1:]:
        check_alike(parts[0], part)
    return jax.tree.map(_concatenated, *parts)


def _are_pairs(entries: list) -> bool:
    if not entries or is_numbers(entries):
        return False
    return all(isinstance(entry, tuple | list) and len(entry) == 2 for entry in entries)


def _concatenated(*leaves: Array) -> Array:
    on_host = all(isinstance(leaf, np.ndarray) for leaf in leaves)
    return np.concatenate(leaves) if on_host else jnp.concatenate(leaves)


def _named_part(name: str, path: tuple) -> str:
    return f"{'xy'[path[0].idx]}{jax.tree_util.keystr(path[1:])} of {name}"


def _kind(value: object) -> str:
    """Return a value's type in words, with what is inside of a tuple or a list."""
    name = type(value).__name__
    if not isinstance(value, tuple | list):
        return name
    return f"{name} of {len(value)} ({', '.join(type(entry).__name__ for entry in value[:3])})"


def _shapes(tree: Tree) -> Tree:
    return jax.tree.map(np.shape, tree)
