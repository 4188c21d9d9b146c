"""What the records of this package share: how they are read from files, and what a key is."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from ._record_file import damage_told, encode, number, read_object, record_of

Record = TypeVar("Record")


def is_key(leaf: object) -> bool:
    """Return whether `leaf` is an array of typed keys, `jax.random.key`.

    Example:
        >>> is_key(jax.random.key(0)), is_key(jnp.zeros(2))
        (True, False)
    """
    return jnp.issubdtype(getattr(leaf, "dtype", np.dtype(object)), jax.dtypes.prng_key)


def to_json(value: object) -> str:
    """Return strict JSON on one line, in which NaN and the infinities are strings.

    Example:
        >>> to_json({"loss": [0.5, float("nan")]})
        '{"loss": [0.5, "nan"]}'
    """
    return json.dumps(encode(value), allow_nan=False)


def load_record(
    path: str | Path,
    kind: str,
    build: Callable[[Mapping[str, Any]], Record],
    *,
    schema_1: bool = False,
) -> Record:
    """Return what `build` makes of the record in a file.

    Args:
        path: The file.
        kind: The kind of record that the file must hold.
        build: Makes the record of what `save_record` got.
        schema_1: Whether the kind existed in schema 1, whose files are the record alone.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, holds another kind of record or has a newer schema.
    """
    record = read_object(path)
    if not (schema_1 and not {"schema", "kind"} & record.keys()):
        record = record_of(path, record, kind)[1]
    with damage_told(path):
        return build(record)


def integer(name: str, value: object, least: int) -> int:
    """Return a whole number of a record.

    Raises:
        ValueError: If it is none, or below `least`.

    Example:
        >>> integer("epochs", 3, 0)
        3
    """
    try:
        whole = least - 1 if isinstance(value, bool) else operator.index(value)  # pyright: ignore[reportArgumentType]
    except TypeError:
        whole = least - 1
    if whole < least:
        raise ValueError(f"{name} must be an integer, {least} or more, got {value!r}")
    return whole


def numbers(values: Any) -> np.ndarray:
    """Return nested lists of numbers, of which some may be "nan" or "inf", as an array.

    Raises:
        ValueError: If there is anything else in them, or the lists are of several lengths.

    Example:
        >>> numbers([[0.5, "inf"]])
        array([[0.5, inf]])
    """
    return np.array(_numbers(values), np.float64)


def _numbers(values: Any) -> Any:
    nested = isinstance(values, list | tuple | np.ndarray)
    return list(map(_numbers, values)) if nested else number(values)
