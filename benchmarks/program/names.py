"""What a function is called, so that a reader knows which one is meant."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from .source import file_name

#: A name's longest form.
_LONGEST = 60


def name_of(fn: object) -> str:
    """Return a name that says what a function is, even if it has none of its own.

    A method is called by its class, a `functools.partial` by what it binds, a lambda by its line,
    an object by its class, and what wraps a function, such as `jax.jit`, by that function.

    Example:
        >>> import jax.numpy as jnp
        >>> from functools import partial
        >>> name_of(jnp.sin), name_of(partial(jnp.sum, axis=0)), name_of("a b".split)
        ('sin', 'partial(sum, axis=0)', 'str.split')
        >>> name_of(jax.jit(lambda x: x))
        'lambda (<doctest benchmarks.program.names.name_of[3]>:1)'
    """
    if all(hasattr(fn, part) for part in ("func", "args", "keywords")):  # functools.partial's kind
        return _of_partial(fn)
    owner = getattr(fn, "__self__", None)
    name = getattr(fn, "__name__", None)
    if isinstance(name, str) and owner is not None and not inspect.ismodule(owner):
        return f"{(owner if isinstance(owner, type) else type(owner)).__name__}.{name}"
    inner = getattr(fn, "__wrapped__", None)
    if inner is not None:
        return name_of(inner)
    if isinstance(name, str) and name != "<lambda>":
        return name
    code = getattr(fn, "__code__", None)
    if code is not None:
        return f"lambda ({file_name(code.co_filename)}:{code.co_firstlineno})"
    return type(fn).__name__


def line_of_function(fn: object) -> str:
    """Return where a function is written, such as `"model.py:3"`; `""` if it is not in Python.

    Example:
        >>> line_of_function(len), line_of_function(lambda x: x).endswith(":1")
        ('', True)
    """
    while True:
        inner = getattr(fn, "func", None) or getattr(fn, "__wrapped__", None)
        inner = inner or getattr(fn, "__func__", None)
        if inner is None or inner is fn:
            break
        fn = inner
    code = getattr(fn, "__code__", None)
    return "" if code is None else f"{file_name(code.co_filename)}:{code.co_firstlineno}"


def _of_partial(fn: Any) -> str:
    """Write a partial as it was made, or without what it binds if that is long."""
    inner = name_of(fn.func)
    whole = f"partial({', '.join([inner, *_bound(fn.args, fn.keywords)])})"
    return whole if len(whole) <= _LONGEST else f"partial({inner}, ...)"


def _bound(args: tuple, keywords: Mapping[str, object]) -> Iterator[str]:
    yield from map(_short, args)
    yield from (f"{name}={_short(value)}" for name, value in keywords.items())


def _short(value: object) -> str:
    """Write a value in a few letters: an array by its type, a function by its name."""
    if isinstance(value, (jax.Array, np.ndarray)):
        return f"{value.dtype}{list(value.shape)}"
    if isinstance(value, (bool, int, float, complex, str)) or value is None:
        return repr(value)
    if isinstance(value, (tuple, list, dict)):
        return {tuple: "(...)", list: "[...]"}.get(type(value), "{...}")
    return name_of(value) if callable(value) else type(value).__name__
