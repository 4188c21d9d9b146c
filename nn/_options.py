"""Checks of a factory's options; each error names the layer, what it expected and what it got."""

import operator
from collections.abc import Callable, Mapping
from typing import SupportsIndex

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.nn.initializers import Initializer
from jax.typing import DTypeLike


def positive_int(who: str, name: str, value: object) -> int:
    """Return `value` as an int of at least 1.

    Raises:
        TypeError: If `value` is not an integer.
        ValueError: If it is below 1.
    """
    number = _integer(value)
    if number is None:
        raise TypeError(f"{who} expected {name} to be an int, got {value!r}")
    if number < 1:
        raise ValueError(f"{who} expected {name} to be at least 1, got {value!r}")
    return number


def _integer(value: object) -> int | None:
    if isinstance(value, bool | np.bool_ | Tracer) or not isinstance(value, SupportsIndex):
        return None
    try:
        return operator.index(value)
    except TypeError:  # an array of floats, or of several numbers
        return None


def check_number(
    who: str, name: str, value: float | jax.Array, wanted: str, holds: Callable[[float], bool]
) -> None:
    """Check that `value` is one real number for which `holds(value)` is true.

    A traced number has no value yet, so only its shape is checked.

    Raises:
        TypeError: If `value` is not a single number.
        ValueError: If `holds(value)` is false; the message says that it must be `wanted`.
    """
    if not _is_real(value):
        raise TypeError(f"{who} expected {name} to be one number, got {value!r}")
    if not isinstance(value, Tracer) and not holds(float(value)):
        raise ValueError(f"{who} {name} must be {wanted}, got {value}")


def _is_real(value: object) -> bool:
    if isinstance(value, float | int):
        return not isinstance(value, bool)
    dtype = getattr(value, "dtype", None)
    if dtype is None or jnp.shape(value) != ():  # pyright: ignore[reportArgumentType]
        return False
    return jnp.issubdtype(dtype, jnp.floating) or jnp.issubdtype(dtype, jnp.integer)


def check_switch(who: str, name: str, value: object) -> None:
    """Check that an option is True or False: any text, "no" among them, would count as True.

    Raises:
        TypeError: If it is neither.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{who} expected {name} to be True or False, got {value!r}")


def check_float_type(who: str, name: str, dtype: DTypeLike | None) -> None:
    """Check that `dtype` is a type of real floating-point numbers.

    Raises:
        TypeError: If it is none.
    """
    try:
        is_float = dtype is not None and jnp.issubdtype(jnp.dtype(dtype), jnp.floating)
    except (TypeError, ValueError):  # no type at all
        is_float = False
    if not is_float:
        raise TypeError(
            f"{who} expected {name} to be a floating-point type, such as jax.numpy.bfloat16, got "
            f"{dtype!r}"
        )


def check_initializers(who: str, initializers: Mapping[str, object]) -> None:
    """Check that what is to draw parameters is a function.

    Raises:
        TypeError: If it is none.
    """
    for name, initializer in initializers.items():
        if not callable(initializer):
            raise TypeError(
                f"{who} expected {name} to be one of jax.nn.initializers, such as he_normal(), got "
                f"{initializer!r}"
            )


def drawn(
    who: str, name: str, initializer: Initializer, key: jax.Array, shape: tuple[int, ...]
) -> jax.Array:
    """Return what an initializer draws, an array of this shape.

    Raises:
        TypeError: If it returns anything else, such as the function that JAX's `he_normal` makes.
    """
    array = initializer(key, shape)
    if getattr(array, "shape", None) != shape:
        kind = getattr(initializer, "__name__", type(initializer).__name__)
        got = f"one of shape {array.shape}" if hasattr(array, "shape") else repr(array)
        cure = f"; call it: {kind}()" if callable(array) else ""
        raise TypeError(
            f"{who} expected {name} to draw an array of shape {shape}, got {got} from {kind}{cure}"
        )
    return array
