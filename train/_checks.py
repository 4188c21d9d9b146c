"""Check options before anything compiles."""

from __future__ import annotations

import operator

from ._text import excerpt


def positive(name: str, value: object) -> int:
    """Return an option as Python's integer, which NumPy's and JAX's integers become.

    Raises:
        ValueError: If the value is not an integer above 0.

    Example:
        >>> import numpy as np
        >>> positive("epochs", np.int64(3))
        3
    """
    try:
        integer = 0 if isinstance(value, bool) else operator.index(value)  # pyright: ignore[reportArgumentType]
    except TypeError:
        integer = 0
    if integer < 1:
        raise ValueError(f"{name} must be an integer above 0, got {excerpt(repr(value))}")
    return integer


def check_key(key: object) -> None:
    """Check that a key is not the number that a key is made of.

    Raises:
        TypeError: If it is one.

    Example:
        >>> check_key(0)
        Traceback (most recent call last):
        TypeError: key must be made of a number, jax.random.key(0), got 0
    """
    if isinstance(key, int):
        raise TypeError(f"key must be made of a number, jax.random.key({key}), got {key}")
