"""Build records from plain JSON values, by the types of their fields."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from .._record_file import number, short

Record = TypeVar("Record")


def from_plain(kind: type[Record], value: object) -> Record:
    """Build a record of a dataclass from what `encode` made of one.

    Raises:
        TypeError: If a field is missing, unknown, or of another type.
        ValueError: If a number is expected where there is none.

    Example:
        >>> from benchmarks.instrument.statistics import Estimate
        >>> from_plain(Estimate, {"value": 1.0, "low": 0.5, "high": "inf"})
        Estimate(1, 0.5 to inf)
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"a {kind.__name__} must be an object, got {type(value).__name__}")
    hints = typing.get_type_hints(kind)
    unknown = sorted(value.keys() - hints.keys())
    if unknown:
        raise TypeError(f"a {kind.__name__} has no field {unknown[0]!r}")
    return kind(**{name: _read(hints[name], part, name) for name, part in value.items()})


def _read(hint: object, value: object, where: str) -> object:
    """Read the value of one field, whose type is `hint`."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and type(None) in options:
        return None
    kind = next(option for option in options if option is not type(None))
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return from_plain(kind, value)
    if kind is np.ndarray:
        return np.array([_entry(entry) for entry in _listed(value, where)])
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)[0]
        return tuple(_read(inner, entry, where) for entry in _listed(value, where))
    if kind is float:
        return number(value)
    plain = typing.get_origin(kind) or kind
    assert isinstance(plain, type)
    fits = isinstance(value, plain) and isinstance(value, bool) == (plain is bool)
    return value if fits else _mismatch(where, value)


def _listed(value: object, where: str) -> list:
    return value if isinstance(value, list) else _mismatch(where, value)


def _entry(value: object) -> float:
    """Return an entry of an array; an integer stays one."""
    checked = number(value)
    return value if type(value) is int else checked


def _mismatch(where: str, value: object) -> typing.NoReturn:
    raise TypeError(f"{where} cannot be {short(repr(value), 60)}")
