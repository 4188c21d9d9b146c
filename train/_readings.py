"""What a function reads from outside of itself, by which two of its programs may differ."""

from __future__ import annotations

import dataclasses
import dis
import hashlib
import sys
import sysconfig
import weakref
from collections.abc import Hashable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from types import (
    BuiltinFunctionType,
    CellType,
    ClassMethodDescriptorType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    SimpleNamespace,
    WrapperDescriptorType,
)
from typing import Any

import jax
import numpy as np

_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...), np.generic)
# What Python itself is made of: it neither changes nor holds anything of a user's.
_PARTS_OF_TYPES = (
    ClassMethodDescriptorType
    | GetSetDescriptorType
    | MemberDescriptorType
    | MethodDescriptorType
    | MethodWrapperType
    | WrapperDescriptorType
)
_OURS = ("gradwise", "nn", "losses", "train", "benchmarks")  # beside this package, in a clone too
_MOST = 20_000  # objects that are looked at; a function that reaches more compiles anew each time
_CHANGES = {"append", "extend", "insert", "remove", "add", "discard", "update", "setdefault"}


@dataclasses.dataclass(frozen=True)
class Names:
    """What code, with the functions in it, names.

    Attributes:
        outside: The global names that it reads.
        attributes: The attributes that it reads, of anything.
        changed: The outer names and the attributes that it assigns.
        filled: Those of which it calls a method such as `append`; what is no container is read all
            the same, for an optimizer has an `update`, too.
    """

    outside: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    filled: frozenset[str] = frozenset()

    def __or__(self, other: Names) -> Names:
        """Return all that either of two names."""
        return Names(
            outside=self.outside | other.outside,
            attributes=self.attributes | other.attributes,
            changed=self.changed | other.changed,
            filled=self.filled | other.filled,
        )

    def changes(self, name: str, value: object) -> bool:
        """Return whether the code itself changes what has this name."""
        is_filled = name in self.filled and isinstance(value, list | dict | set)
        return is_filled or name in self.changed


@dataclasses.dataclass(kw_only=True)
class Readings:
    """What was found.

    Attributes:
        values: Numbers, texts and the contents of arrays by value, all else by its identity.
        objects: Those that count by their identity. It holds only while they live.
    """

    values: list[Hashable] = dataclasses.field(default_factory=list)
    objects: list[object] = dataclasses.field(default_factory=list)


def readings(fn: object) -> Readings:
    """Return what a function's code finds outside: in a module, a closure, an object, a container.

    Functions that it calls are read in turn, those of installed packages only as far as they were
    given something: their closures, defaults and fixed arguments. What the code itself changes,
    such as a counter of its calls or a list that it appends to, is left out.

    Raises:
        TypeError: If something is neither known by its value nor can be referred to weakly, or if
            there is too much.

    Example:
        >>> def scaled(factor):
        ...     return lambda x: factor[0] * x
        >>> factor = [2]
        >>> fn = scaled(factor)
        >>> before = readings(fn).values
        >>> readings(fn).values == before
        True
        >>> factor[0] = 3
        >>> readings(fn).values == before
        False
    """
    reader = _Reader(getattr(fn, "__module__", None))
    reader.read(fn, Names())
    return reader.found


class _Reader:
    """Walks from a function to all that it reads."""

    def __init__(self, module: str | None) -> None:
        self.module = module  # of the function that is read, whose globals always count
        self.found = Readings()
        # The place of each object in the order in which they are met, and the object, which is held
        # so that no other one takes its identity meanwhile.
        self.seen: dict[int, tuple[int, object]] = {}

    def read(self, value: Any, names: Names) -> None:
        """Read a value that code with these names has found."""
        if isinstance(value, _PLAIN):
            self.found.values.append((type(value), repr(value)))  # -0.0 is not 0.0, NaN is NaN
            return
        if isinstance(value, ModuleType):
            if _is_users(getattr(value, "__file__", None) or "", value.__name__):
                self.read_named(vars(value), names.attributes, names)
            return
        # Whether two names stand for one object, or for two that are equal, makes a difference.
        known = self.seen.get(id(value))
        self.found.values.append(-1 if known is None else known[0])
        if known is not None:
            return
        self.seen[id(value)] = len(self.seen), value
        if len(self.seen) > _MOST:
            raise TypeError("a function reaches too many objects to tell what it reads")
        self.read_new(value, names)

    def read_new(self, value: Any, names: Names) -> None:
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            content = hashlib.blake2b(np.ascontiguousarray(value).view(np.uint8).data).digest()
            self.found.values.append((value.dtype, value.shape, content))
        elif isinstance(value, Mapping):
            self.read_all([type(value), len(value), *value.keys(), *value.values()], names)
        elif isinstance(value, list | tuple | set | frozenset):
            self.read_all([type(value), len(value), *value], names)
        elif isinstance(value, SimpleNamespace):  # which cannot be referred to weakly
            self.read_all([type(value), vars(value)], names)
        elif isinstance(value, MethodType):
            self.read_all([value.__func__, value.__self__], names | _names(value.__func__.__code__))
        elif isinstance(value, partial):
            self.read_all([value.func, value.args, value.keywords], names)
        elif isinstance(value, staticmethod | classmethod | property):
            self.read(value.fget if isinstance(value, property) else value.__func__, names)
        elif isinstance(value, _PARTS_OF_TYPES):
            self.found.values.append(value)
        elif isinstance(value, FunctionType):
            self.identify(value)
            self.read_function(value)
        elif isinstance(value, type):
            self.identify(value)
            if _is_users("", value.__module__):
                names = _with_methods(value, names)
                self.read_named(vars(value), _public(value, names), names)
        else:
            self.identify(value)
            if not isinstance(value, jax.Array | BuiltinFunctionType):
                self.read_object(value, names)

    def read_all(self, values: list[Any], names: Names) -> None:
        for value in values:
            self.read(value, names)

    def read_named(self, scope: Mapping[str, Any], wanted: Any, names: Names) -> None:
        for name in sorted(wanted):
            if name in scope and not names.changes(name, scope[name]):
                self.found.values.append(name)
                self.read(scope[name], names)

    def read_function(self, fn: FunctionType) -> None:
        names = _names(fn.__code__)
        self.read_all([fn.__defaults__, fn.__kwdefaults__, getattr(fn, "__wrapped__", None)], names)
        for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
            if not (_is_empty(cell) or names.changes(name, cell.cell_contents)):
                self.read(cell.cell_contents, names)
        if _is_users(fn.__code__.co_filename, fn.__module__) or fn.__module__ == self.module:
            self.read_named(fn.__globals__, names.outside, names)

    def read_object(self, value: object, names: Names) -> None:
        names = _with_methods(type(value), names)
        for cls in type(value).__mro__:
            self.read(cls, names)
        inner = getattr(value, "__dict__", {})
        self.read_named(inner, inner, names)

    def identify(self, value: Any) -> None:
        """Note which object it is: while it lives no other one has its identity."""
        try:
            weakref.ref(value)
        except TypeError:
            if type(value).__hash__ in (None, object.__hash__):
                raise
            self.found.values.append(value)  # such as a dtype, which equals its like
            return
        self.found.values.append(id(value))
        self.found.objects.append(value)


def _is_empty(cell: CellType) -> bool:
    """Return whether an outer variable has no value yet."""
    try:
        return cell.cell_contents is cell
    except ValueError:
        return True


def _public(cls: type, names: Names) -> list[str]:
    """Return which entries of a class count: values, and methods that these names may call."""
    methods = FunctionType | staticmethod | classmethod | property
    called = {"__call__"} | names.attributes
    return [
        name
        for name, entry in vars(cls).items()
        if (name in called and isinstance(entry, methods))
        or not (name.startswith("__") or hasattr(entry, "__get__"))
    ]


def _with_methods(cls: type, names: Names) -> Names:
    """Return names, and those of the methods of a class that code with these names may call."""
    methods = {
        name: entry
        for parent in cls.__mro__
        if _is_users("", parent.__module__)
        for name, entry in vars(parent).items()
        if isinstance(entry, FunctionType)
    }
    while called := methods.keys() & (names.attributes | {"__call__"}):
        for name in called:
            names |= _names(methods.pop(name).__code__)
    return names


@lru_cache(maxsize=1024)
def _is_users(file: str, module: str | None) -> bool:
    """Return whether code is neither Python's, nor installed, nor of this package."""
    if not file:
        file = getattr(sys.modules.get(module or ""), "__file__", None) or ""
        if (module or "").partition(".")[0] in sys.stdlib_module_names - {"__main__"}:
            return False
    path = Path(file)
    standard = Path(sysconfig.get_paths()["stdlib"])
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    ours = any(Path(__file__).parents[1] / name in path.parents for name in _OURS)
    return not (installed or ours or standard in path.parents)


@lru_cache(maxsize=1024)
def _names(code: CodeType) -> Names:
    """Return what code, with the functions in it, names."""
    outside, attributes, changed, filled = set(), set(), set(), set()
    before = ""
    for instruction in dis.get_instructions(code):
        name = instruction.argval
        if instruction.opname == "LOAD_GLOBAL":
            outside.add(name)
        elif instruction.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            attributes.add(name)
            filled |= {before} if name in _CHANGES else set()
        elif instruction.opname in ("STORE_GLOBAL", "STORE_DEREF", "STORE_ATTR"):
            changed.add(name)
        before = name if isinstance(name, str) else ""
    names = Names(*map(frozenset, (outside, attributes, changed, filled)))
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            names |= _names(inner)
    return names
