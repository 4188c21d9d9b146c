"""Records as plain JSON values and back, by the types of their fields.

JSON has no word for NaN and the infinities: they are the strings "nan", "inf" and "-inf".
"""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import TypeVar

import numpy as np

Record = TypeVar("Record")


def to_plain(value: object) -> object:
    """Turn a record into dictionaries, lists, strings and numbers.

    Example:
        >>> from benchmarks.instrument.statistics import Estimate
        >>> to_plain(Estimate(value=1.0, low=0.5, high=float("inf")))
        {'value': 1.0, 'low': 0.5, 'high': 'inf'}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): to_plain(part) for name, part in value.items()}
    if isinstance(value, np.ndarray):
        return to_plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [to_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def from_plain(kind: type[Record], value: object) -> Record:
    """Build a record of a dataclass from what `to_plain` made of one.

    Raises:
        TypeError: If a field is missing, unknown, or of another type.

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
        return np.array([_number(entry) for entry in _listed(value, where)])
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)[0]
        return tuple(_read(inner, entry, where) for entry in _listed(value, where))
    if kind is float:
        return float(_number(value)) if not isinstance(value, bool) else _mismatch(where, value)
    plain = typing.get_origin(kind) or kind
    assert isinstance(plain, type)
    return value if isinstance(value, plain) else _mismatch(where, value)


def _listed(value: object, where: str) -> list:
    return value if isinstance(value, list) else _mismatch(where, value)


def _number(value: object) -> float:
    if value in ("nan", "inf", "-inf"):
        return float(str(value))
    if not isinstance(value, (int, float)):
        raise TypeError(f"a number was expected, got {value!r}"[:80])
    return value


def _mismatch(where: str, value: object) -> typing.NoReturn:
    raise TypeError(f"{where} cannot be {value!r}"[:80])
