"""Build records from plain JSON values, by the types of their fields."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from ._record_file import number, short

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
    kinds = [option for option in options if option is not type(None)]
    if len(kinds) > 1:
        return _one_of(kinds, value, where)
    return _one(kinds[0], value, where)


def _one(kind: typing.Any, value: object, where: str) -> object:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return from_plain(kind, value)
    if kind is np.ndarray:
        return _array(value, where)
    if typing.get_origin(kind) in (tuple, frozenset):
        return _several(kind, value, where)
    if kind is float:
        return number(value)
    if kind is object:
        return _frozen(value)
    plain: typing.Any = typing.get_origin(kind) or kind
    fits = isinstance(value, plain) and isinstance(value, bool) == (plain is bool)
    return value if fits else _mismatch(where, value)


def _one_of(kinds: list[typing.Any], value: object, where: str) -> object:
    """Read a plain value that may be of several types; a text stands for what is not finite."""
    if type(value) in kinds:
        return value
    return number(value) if float in kinds else _mismatch(where, value)


def _several(kind: typing.Any, value: object, where: str) -> object:
    """Read a tuple of one type, a tuple of a type for each place, or a set."""
    inner, listed = typing.get_args(kind), _listed(value, where)
    if typing.get_origin(kind) is frozenset:
        return frozenset(_read(inner[0], entry, where) for entry in listed)
    if inner[-1] is Ellipsis:
        return tuple(_read(inner[0], entry, where) for entry in listed)
    if len(inner) != len(listed):
        return _mismatch(where, value)
    return tuple(_read(hint, entry, where) for hint, entry in zip(inner, listed, strict=True))


def _frozen(value: object) -> object:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _listed(value: object, where: str) -> list:
    return value if isinstance(value, list) else _mismatch(where, value)


def _array(value: object, where: str) -> np.ndarray:
    """Read an array: a list of numbers, or what `plain_array` writes."""
    if not isinstance(value, Mapping):
        return np.array([_entry(entry) for entry in _listed(value, where)])
    dtype, shape = np.dtype(str(value["dtype"])), _listed(value["shape"], where)
    words = value["entries"]
    if dtype.kind not in "biufc" or not isinstance(words, str):
        return _mismatch(where, value)
    whole = dtype.kind in "biu"
    numbers = np.array(words.split(), np.int64 if whole else np.float64)
    if dtype.kind == "c":
        numbers = numbers.view(np.complex128)
    return numbers.astype(dtype).reshape([int(length) for length in shape])


def plain_array(array: np.ndarray) -> dict[str, object]:
    """Return an array in the types of JSON: its dtype, its shape, and its entries as one text.

    Numbers are written as shortly as their type allows, a complex one as two.

    Example:
        >>> plain_array(np.array([0.1, 2.0], np.float32))
        {'dtype': 'float32', 'shape': [2], 'entries': '0.1 2.0'}
    """
    flat: typing.Any = array.ravel()
    if flat.dtype.kind == "c":
        flat = np.stack([flat.real, flat.imag], axis=-1).ravel()
    if flat.dtype.kind == "b":
        flat = flat.astype(int)
    words = " ".join(map(str, flat))
    return {"dtype": array.dtype.name, "shape": list(array.shape), "entries": words}


def _entry(value: object) -> float:
    """Return an entry of an array; an integer stays one."""
    checked = number(value)
    return value if type(value) is int else checked


def _mismatch(where: str, value: object) -> typing.NoReturn:
    raise TypeError(f"{where} cannot be {short(repr(value), 60)}")
