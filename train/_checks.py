"""Check options before anything compiles."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from numbers import Number

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ._text import excerpt


def positive(name: str, value: object, *, least: int = 1) -> int:
    """Return an option as Python's integer, which NumPy's and JAX's integers become.

    Raises:
        ValueError: If the value is not an integer of at least `least`.

    Example:
        >>> import numpy as np
        >>> positive("epochs", np.int64(3))
        3
    """
    try:
        integer = -1 if isinstance(value, bool) else operator.index(value)  # pyright: ignore[reportArgumentType]
    except TypeError:
        integer = -1
    if integer < least:
        wanted = "above 0" if least else "of 0 or more"
        raise ValueError(f"{name} must be an integer {wanted}, got {excerpt(repr(value))}")
    return integer


def check_switches(switches: Mapping[str, object]) -> None:
    """Check that options are True or False: any text, "no" among them, would count as True.

    Raises:
        TypeError: If one is neither.

    Example:
        >>> check_switches({"progress": "no"})
        Traceback (most recent call last):
        TypeError: progress must be True or False, got 'no'
    """
    for name, value in switches.items():
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{name} must be True or False, got {excerpt(repr(value))}")


def is_number(value: object) -> bool:
    """Return whether an option is one real number of Python, NumPy or JAX, and no bool.

    Example:
        >>> is_number(0.5), is_number(np.float32(0.5)), is_number("0.5"), is_number(True)
        (True, True, False, False)
    """
    if isinstance(value, float | int):
        return not isinstance(value, bool)
    dtype = getattr(value, "dtype", None)
    real = dtype is not None and any(jnp.issubdtype(dtype, of) for of in (np.floating, np.integer))
    return real and jnp.shape(value) == ()  # pyright: ignore[reportArgumentType]


def check_key(key: object) -> None:
    """Check that a key is one, and neither a number nor several keys.

    Raises:
        TypeError: If it is a number, of which a key is made, or None.
        ValueError: If it is an array of keys.

    Example:
        >>> check_key(0)
        Traceback (most recent call last):
        TypeError: key must be made of a number, jax.random.key(0), got 0
    """
    is_array = isinstance(key, np.ndarray | jax.Array)
    is_typed = is_array and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    if key is None or isinstance(key, Number) or (is_array and key.ndim == 0 and not is_typed):
        seed = 0 if key is None else key
        raise TypeError(f"key must be made of a number, jax.random.key({seed}), got {key}")
    if is_array and is_typed and key.ndim:
        raise ValueError(
            f"key must be one key, got keys of shape {key.shape}: take one of them, or map over "
            "them by jax.vmap"
        )


def check_real(name: str, value: object) -> None:
    """Check that an option is a real number, or an array of them, and none is NaN.

    Of a traced one, which has no value yet, the type alone is checked.

    Raises:
        TypeError: If it is none.

    Example:
        >>> check_real("threshold", True)
        Traceback (most recent call last):
        TypeError: threshold must be a real number, or one for each output, got True
    """
    traced = isinstance(value, Tracer)
    dtype = value.dtype if traced else np.asarray(value).dtype
    real = any(jnp.issubdtype(dtype, of) for of in (np.floating, np.integer))
    if not real or (not traced and np.isnan(np.asarray(value, np.float64)).any()):
        got = excerpt(repr(value))
        raise TypeError(f"{name} must be a real number, or one for each output, got {got}")
