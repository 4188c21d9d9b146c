"""Equality of records: field by field, arrays entry by entry, and NaN equal to NaN.

`nn`, `losses`, `train` and `benchmarks` import nothing of one another, so each of them has this
file; a test holds that the four are one text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

Record = TypeVar("Record")


def equal_by_fields(record: type[Record]) -> type[Record]:
    """Give a dataclass its equality, and a hash that fits unless it says that it has none.

    Two records are equal if they are of one class and the same in every field that is compared.

    Example:
        >>> @equal_by_fields
        ... @dataclasses.dataclass(frozen=True)
        ... class Score:
        ...     value: float
        >>> Score(float("nan")) == Score(float("nan")), Score(1.0) == Score(2.0)
        (True, False)
        >>> hash(Score(float("nan"))) == hash(Score(float("nan")))
        True
    """
    record.__eq__ = same_fields
    if vars(record).get("__hash__", True) is not None:
        record.__hash__ = _hash_of_fields
    return record


def same_fields(a: Any, b: object) -> bool:
    """Return whether two dataclasses are of one class and the same in every compared field."""
    if type(a) is not type(b):
        return NotImplemented
    return all(same(getattr(a, name), getattr(b, name)) for name in _compared(a))


def same(a: Any, b: Any) -> bool:
    """Return whether two values are equal, arrays entry by entry, and NaN equal to NaN.

    A list equals a tuple of the same entries, and a number equals an array `[]` of it.

    Example:
        >>> same({"loss": np.array([1.0, np.nan])}, {"loss": np.array([1.0, np.nan])})
        True
        >>> same({"loss": np.array([1.0, 2.0])}, {"loss": np.array([1.0])})
        False
    """
    if a is b:
        return True
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if _is_array(a) or _is_array(b):
        return _same_entries(a, b)
    return bool(a == b or (_is_nan(a) and _is_nan(b)))


def _compared(record: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(record) if field.compare]


def _hash_of_fields(self: Any) -> int:
    return hash(_hashable(tuple(getattr(self, name) for name in _compared(self))))


def _hashable(value: Any) -> Any:
    """Return the value with a word for each NaN in it, for NaNs have different hashes."""
    if isinstance(value, tuple):
        return tuple(map(_hashable, value))
    return "nan" if _is_nan(value) else value


def _is_array(value: object) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "shape")


def _is_nan(value: object) -> bool:
    return isinstance(value, float | complex | np.inexact) and value != value


def _is_key(value: object) -> bool:
    return str(getattr(value, "dtype", "")).startswith("key<")


def _same_entries(a: Any, b: Any) -> bool:
    """Compare two arrays, or an array and a number; keys of JAX must be of one kind."""
    if _is_key(a) or _is_key(b):
        alike = _is_key(a) and _is_key(b) and a.dtype == b.dtype and a.shape == b.shape
        return alike and bool((a == b).all())
    left, right = np.asarray(a), np.asarray(b)
    if left.shape != right.shape:
        return False
    with np.errstate(invalid="ignore"):  # some processors flag a NaN that is compared
        return bool(np.all((left == right) | ((left != left) & (right != right))))
