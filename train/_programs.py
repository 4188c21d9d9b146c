"""Compile once a process what is trained again with the same functions and shapes."""

from __future__ import annotations

import dataclasses
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import partial
from types import MethodType
from typing import Any

import jax
from jax.stages import Wrapped

from ._readings import readings
from ._types import Tree

Function = Callable[..., Any]

#: What an objective may have beside its call; the programs that are made of it need it, too.
_METHODS = ("weight_sums",)
_MOST = 32  # programs that are kept; a training needs one to six

# The programs by what they are made of, each with the weak references that forget it. The lock may
# be taken twice by one thread: a function may be collected at any time, within the lock too.
_kept: OrderedDict[Hashable, tuple[Wrapped, list[weakref.ref[Any]]]] = OrderedDict()
_lock = threading.RLock()


def program(
    make: Callable[..., Function], *parts: Any, arguments: Tree, donate: int | None = None
) -> Wrapped:
    """Return `jax.jit(make(*parts))`: the one from before for the same parts and shapes.

    Functions are the same if they are one object, and what they read from outside is what it was,
    as `readings` says. All of it is held weakly: when some of it is collected, its programs are
    forgotten with all that they hold. A part that can be neither hashed nor held
    weakly makes a new program each time. A program is for one set of shapes, so that the number of
    programs bounds the memory of all.

    Args:
        make: Makes the function, from parts whose functions are held weakly.
        parts: Functions, and what has a hash, also in tuples and in dataclasses.
        arguments: What the program will be called with; its shapes tell programs apart.
        donate: The argument whose buffers the program reuses.

    Example:
        >>> import jax.numpy as jnp
        >>> def scaled(fn, factor):
        ...     return lambda x: factor * fn(x)
        >>> def square(x):
        ...     return x**2
        >>> x = jnp.ones(3)
        >>> double = program(scaled, square, 2, arguments=x)
        >>> double(x).tolist(), double is program(scaled, square, 2, arguments=2 * x)
        ([2.0, 2.0, 2.0], True)
        >>> double is program(scaled, square, 3, arguments=x)
        False
    """
    functions: list[Function] = []
    try:
        keys, weak_parts = zip(*(_weakly(part, functions) for part in parts), strict=True)
        key = make, keys, _signature(arguments), donate
        with _lock:
            if key in _kept:
                _kept.move_to_end(key)
                return _kept[key][0]
            pop = _kept.pop  # the module's names are gone when Python ends
            forget = [weakref.ref(fn, lambda _: pop(key, None)) for fn in functions]
    except Exception:  # no hash, no weak reference, too deep: to look must not end a training
        return jax.jit(make(*parts), donate_argnums=donate)
    made = jax.jit(make(*weak_parts), donate_argnums=donate)
    with _lock:
        _kept[key] = made, forget
        if len(_kept) > _MOST:
            _kept.popitem(last=False)
    return made


def at_first_call(
    make: Callable[..., Function], *parts: Any, donate: int | None = None
) -> Function:
    """Return a function that takes its program, as `program` says, by what it is first called with.

    Example:
        >>> import jax.numpy as jnp
        >>> double = at_first_call(lambda fn: lambda x: 2 * fn(x), jnp.square)
        >>> double(jnp.ones(3)).tolist()
        [2.0, 2.0, 2.0]
    """
    found: list[Wrapped] = []

    def call(*given: Any) -> Any:
        if not found:
            found.append(program(make, *parts, arguments=given, donate=donate))
        return found[0](*given)

    return call


def _weakly(part: Any, functions: list[Function]) -> tuple[Hashable, Any]:
    """Return what a part is known by, and the part without a strong reference to a function.

    The objects by which functions live are appended to `functions`.
    """
    if isinstance(part, MethodType):  # made anew at each access to it
        return _read(part, functions), _caller(weakref.WeakMethod(part))
    if callable(part):
        return _read(part, functions), _caller_with_methods(weakref.ref(part))
    if isinstance(part, tuple):
        pairs = [_weakly(entry, functions) for entry in part]
        weak = [entry for _, entry in pairs]
        weak = type(part)(*weak) if hasattr(part, "_fields") else tuple(weak)
        return (type(part), tuple(key for key, _ in pairs)), weak
    if dataclasses.is_dataclass(part):
        names = [field.name for field in dataclasses.fields(part)]
        pairs = [_weakly(getattr(part, name), functions) for name in names]
        weak = dict(zip(names, (entry for _, entry in pairs), strict=True))
        return (type(part), tuple(key for key, _ in pairs)), dataclasses.replace(part, **weak)  # pyright: ignore[reportArgumentType]
    return (type(part), part), part


def _read(fn: Function, functions: list[Any]) -> Hashable:
    """Return what a function is known by, and append the objects by whose identity that is."""
    found = readings(fn)
    functions += found.objects
    return tuple(found.values)


def _caller(reference: Callable[[], Any]) -> Function:
    """Return a function that calls the one that is referred to, which lives while it is traced."""

    def _call(*given: Any, **named: Any) -> Any:
        return reference()(*given, **named)  # pyright: ignore[reportOptionalCall]

    return _call


def _caller_with_methods(reference: weakref.ref[Any]) -> Function:
    """Return a function as `_caller` does, with those methods that its object has."""
    call = _caller(reference)
    for name in _METHODS:
        if callable(getattr(reference(), name, None)):
            setattr(call, name, _caller(partial(_method, reference, name)))
    return call


def _method(reference: weakref.ref[Any], name: str) -> Function:
    return getattr(reference(), name)


def _signature(arguments: Tree) -> Hashable:
    """Return the structure of a tree, and of each leaf its shape, its type and where it lies."""
    leaves, structure = jax.tree.flatten(arguments)
    return structure, tuple((jax.typeof(leaf), getattr(leaf, "sharding", None)) for leaf in leaves)
