"""Decide what an array is: the one place where a leaf that a user passes becomes an array."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from numbers import Number
from typing import TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from .._text import excerpt

T = TypeVar("T")
Array: TypeAlias = np.ndarray | jax.Array


def as_arrays(name: str, tree: T) -> T:
    """Return a pytree whose leaves are NumPy's or JAX's arrays; JAX's stay as they are.

    A list of numbers, or of lists of numbers, is an array; other lists are parts of the tree.
    Whatever has `__array__` becomes NumPy's array, with the dtype that it has.

    Args:
        name: What the tree is, for messages.
        tree: A pytree of arrays, of what NumPy can read, and of numbers.

    Raises:
        TypeError: If a leaf holds no numbers; the message names its path.
        ValueError: If a list is ragged, or if an integer does not fit the dtype that JAX has for
            it.

    Example:
        >>> as_arrays("data", {"x": [[1.0, 2.0]], "t": 3})
        {'t': array(3), 'x': array([[1., 2.]])}
        >>> as_arrays("data", {"x": ["a"]})
        Traceback (most recent call last):
        TypeError: data['x'][0] must be numbers, got str: encode texts as integers first
    """
    return converted(tree, lambda path: name + jax.tree_util.keystr(path), is_leaf=is_numbers)


def converted(
    tree: T, naming: Callable[[tuple], str], *, is_leaf: Callable[[object], bool] | None = None
) -> T:
    """Return what `as_arrays` does, where `naming(path)` names the leaf at a key path.

    Every list is a part of the tree, unless `is_leaf` says otherwise.

    Example:
        >>> converted({"rate": 1}, str)
        {'rate': array(1)}
    """
    return jax.tree.map_with_path(
        lambda path, leaf: _as_array(leaf, lambda: naming(path)), tree, is_leaf=is_leaf
    )


def _as_array(leaf: object, name: Callable[[], str]) -> Array:
    if isinstance(leaf, jax.Array):  # a tracer too
        return leaf
    if isinstance(leaf, np.ma.MaskedArray) and leaf.mask.any():
        raise ValueError(f"{name()} is a masked array, whose mask would be lost: fill it first")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is refused below
            array = np.asarray(leaf)
    except Exception as error:  # whatever a foreign `__array__` raises; NumPy at a ragged list
        kind = "ragged list" if isinstance(leaf, list) else type(leaf).__name__
        raise (ValueError if isinstance(leaf, list) else TypeError)(
            f"{name()} must be an array, got a {kind} that NumPy cannot read: {excerpt(error)}"
        ) from error
    if not (jnp.issubdtype(array.dtype, jnp.number) or array.dtype == bool):
        kind = type(leaf).__name__ + (f" of {array.dtype}" if hasattr(leaf, "dtype") else "")
        fix = "encode texts as integers" if array.dtype.kind in "US" else "convert it"
        raise TypeError(f"{name()} must be numbers, got {kind}: {fix} first")
    return _representable(array, name)


def _representable(array: np.ndarray, name: Callable[[], str]) -> np.ndarray:
    """Return the array in the machine's order of bytes; check that JAX would keep its integers."""
    wide = {"g": np.dtype("f8"), "G": np.dtype("c16")}  # JAX has nothing longer
    dtype = wide.get(array.dtype.char, array.dtype).newbyteorder("=")
    array, ours = array.astype(dtype, copy=False), jax.dtypes.canonicalize_dtype(dtype)
    if array.dtype.kind in "iu" and ours.itemsize < array.itemsize and array.size:
        limits = jnp.iinfo(ours)
        for value in (array.min(), array.max()):
            if not limits.min <= value <= limits.max:
                raise ValueError(
                    f"{name()} holds {value}, and JAX would cut it off to {ours}: number ids from "
                    "0, make it floating, or set jax_enable_x64"
                )
    return array


def is_numbers(node: object) -> bool:
    """Return whether a node of a tree is a list of numbers, or of lists of numbers.

    Example:
        >>> is_numbers([[1, 2], [3, 4]]), is_numbers([(1, 2)]), is_numbers([np.ones(2)])
        (True, False, False)
    """
    return (
        isinstance(node, list)
        and bool(node)
        and all(isinstance(entry, Number) or is_numbers(entry) for entry in node)
    )
