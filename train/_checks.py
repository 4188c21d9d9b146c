"""What is wrong with data is told before anything compiles."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import data as datasets


def positive(name: str, value: Any) -> int:
    """The integer that `value` is, NumPy's among them; raises unless it is one above 0.

    Example:
        >>> positive("epochs", np.int64(3))
        3
    """
    try:
        integer = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        integer = 0
    if integer < 1:
        raise ValueError(f"{name} must be an integer above 0, got {value!r}")
    return integer


def check_sets(train_data: Any, validation: Any | None, *, batch_size: int) -> None:
    """Raises `ValueError` or `TypeError` for data that cannot train, or cannot be compared."""
    rows = check_set("the train data", train_data)
    if batch_size > rows:
        raise ValueError(
            f"batch_size={batch_size} is above the {rows} rows of the train data: choose less"
        )
    if validation is None:
        return
    check_set("the validation data", validation)
    check_alike(train_data, validation)


def check_alike(train_data: Any, validation: Any) -> None:
    """Raises unless the rows of both are of one shape."""
    for name, ours, theirs in zip("xy", train_data, validation, strict=True):
        if _rows_of(ours) != _rows_of(theirs):
            raise ValueError(
                f"{name} of the validation data must be like that of the train data, got rows of "
                f"{_rows_of(theirs)} and of {_rows_of(ours)}"
            )


def check_set(name: str, data: Any) -> int:
    """Raises unless `data` is a pair of floating features and as many targets; returns how many."""
    if not isinstance(data, tuple) or len(data) != 2:
        raise TypeError(f"{name} must be a pair (x, y) of arrays, got {type(data).__name__}")
    for leaf in jax.tree.leaves(data):
        if not hasattr(leaf, "dtype"):
            raise TypeError(f"{name} must be arrays, got {type(leaf).__name__}: use jnp.asarray")
    for leaf in jax.tree.leaves(data[0]):
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            raise TypeError(
                f"x of {name} must be floating, got {leaf.dtype}: convert and scale it, such as "
                "x.astype('float32') / 255"
            )
    try:
        return datasets.length(data)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def check_sources(train_data: Any, validation: Any | None, *, epochs: int) -> None:
    """Raises unless host batches can be asked for in every epoch, and validation data, too."""
    _check_source("train_data", train_data, epochs)
    if isinstance(validation, tuple):
        check_set("the validation data", validation)
    elif validation is not None:
        _check_source("validation", validation, epochs)


def _check_source(name: str, source: Any, epochs: int) -> None:
    if callable(source):
        return
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


def _rows_of(data: Any) -> Any:
    """What one row is: shapes without the leading axis, and the tree around them."""
    return jax.tree.map(lambda leaf: np.shape(leaf)[1:], data)
