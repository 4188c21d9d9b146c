"""What a function reads from outside of itself, by which two of its programs may differ."""

from __future__ import annotations

import dataclasses
import dis
from collections.abc import Hashable, Iterator, Mapping
from functools import lru_cache, partial
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic)


def readings(fn: object) -> tuple[Hashable, ...]:
    """Return the numbers and strings that a function's code finds outside: in a module, a closure.

    Functions of the same module that it calls are read, too, and so are the fields of a dataclass,
    the attributes of the object whose method it is, and what `partial` has fixed. What the code
    itself assigns, such as a counter of its calls, is left out; so are arrays and other objects.

    Example:
        >>> def scaled(factor):
        ...     return lambda x: factor * x
        >>> readings(scaled(2)) == readings(scaled(2)), readings(scaled(2)) == readings(scaled(3))
        (True, False)
    """
    found: list[Hashable] = []
    _read(fn, None, found, set())
    return tuple(found)


def _read(value: object, module: str | None, found: list[Hashable], seen: set[int]) -> None:
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, MethodType):
        _, written = _names(value.__func__.__code__)
        inner = getattr(value.__self__, "__dict__", {})
        _keep(((name, inner[name]) for name in inner if name not in written), found)
        value = value.__func__
    if isinstance(value, FunctionType) and module in (None, value.__module__):
        outside = list(_outside(value))
        _keep(outside, found)
        for _, other in outside:
            _read(other, value.__module__, found, seen)
    elif isinstance(value, partial):
        _keep([*enumerate(value.args), *value.keywords.items()], found)
        _read(value.func, module, found, seen)
    elif dataclasses.is_dataclass(value) and module is None:
        inner = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        _keep(inner.items(), found)
        for other in inner.values():
            for part in other.values() if isinstance(other, Mapping) else [other]:
                _read(part, None, found, seen)


def _keep(named: Any, found: list[Hashable]) -> None:
    found.extend((name, type(value), value) for name, value in named if isinstance(value, _PLAIN))


def _outside(fn: FunctionType) -> Iterator[tuple[str, object]]:
    """Yield what a function finds by name outside of itself, and does not assign."""
    read, written = _names(fn.__code__)
    for name in read - written:
        if name in fn.__globals__:
            yield name, fn.__globals__[name]
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
        try:
            if name not in written:
                yield name, cell.cell_contents
        except ValueError:  # it has no value yet
            continue


@lru_cache(maxsize=1024)
def _names(code: CodeType) -> tuple[frozenset[str], frozenset[str]]:
    """Return the global names that code reads, and the outer names and attributes it assigns."""
    read, written = set(), set()
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            read.add(instruction.argval)
        elif instruction.opname in ("STORE_GLOBAL", "STORE_DEREF", "STORE_ATTR"):
            written.add(instruction.argval)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            inner_read, inner_written = _names(inner)
            read |= inner_read
            written |= inner_written
    return frozenset(read), frozenset(written)
