"""Check options and data before anything compiles."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from . import data as datasets
from ._types import Tree


def positive(name: str, value: object) -> int:
    """Return an option as Python's integer, which NumPy's and JAX's integers become.

    Raises:
        ValueError: If the value is not an integer above 0.

    Example:
        >>> positive("epochs", np.int64(3))
        3
    """
    try:
        integer = 0 if isinstance(value, bool) else operator.index(value)  # pyright: ignore[reportArgumentType]
    except TypeError:
        integer = 0
    if integer < 1:
        raise ValueError(f"{name} must be an integer above 0, got {value!r}")
    return integer


def check_sets(train_data: object, validation: object, *, batch_size: int) -> None:
    """Check training data, and validation data where there are any.

    Raises:
        ValueError: If a set is empty or smaller than a batch, or if their rows differ in shape.
        TypeError: If a set is no pair of arrays, or if features are not floating.
    """
    rows = check_set("the train data", train_data)
    if batch_size > rows:
        raise ValueError(
            f"batch_size={batch_size} is above the {rows} rows of the train data: choose less"
        )
    if validation is not None:
        check_set("the validation data", validation)
        check_alike(train_data, validation)


def check_alike(train_data: Tree, validation: Tree) -> None:
    """Check that the rows of training and of validation data have the same shapes.

    Raises:
        ValueError: If they differ.
    """
    for name, train_part, part in zip("xy", train_data, validation, strict=True):
        if _row_shapes(train_part) != _row_shapes(part):
            raise ValueError(
                f"{name} of the validation data must be like that of the train data, got rows of "
                f"{_row_shapes(part)} and of {_row_shapes(train_part)}"
            )


def check_set(name: str, data: object) -> int:
    """Check a pair of features and targets, and return how many rows it has.

    Raises:
        ValueError: If there is no row, or if the arrays do not have the same rows.
        TypeError: If it is no pair of arrays, or if the features are not floating.
    """
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


def check_sources(train_data: object, validation: object, *, epochs: int) -> None:
    """Check that training data and validation data can give host batches in every epoch.

    Validation data may also be a pair of arrays, or None.

    Raises:
        ValueError: If a source can be read only once, and there are several epochs.
        TypeError: If a source is neither an iterable nor a function.
    """
    _check_source("train_data", train_data, epochs)
    if isinstance(validation, tuple):
        check_set("the validation data", validation)
    elif validation is not None:
        _check_source("validation", validation, epochs)


def _check_source(name: str, source: object, epochs: int) -> None:
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


def _row_shapes(data: Tree) -> Tree:
    """Return the tree of the shapes that one row has."""
    return jax.tree.map(lambda leaf: np.shape(leaf)[1:], data)
