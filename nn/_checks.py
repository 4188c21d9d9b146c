"""The checks that layers share; each names the layer, what was expected and what came."""

import operator
from collections.abc import Callable
from typing import Any, SupportsIndex

import jax
import jax.numpy as jnp
from jax.core import Tracer


def positive_int(who: str, name: str, value: Any) -> int:
    """Return `value` as an int of at least 1, or raise."""
    if isinstance(value, bool | Tracer) or not isinstance(value, SupportsIndex):
        raise TypeError(f"{who} expected {name} to be an int, got {value!r}")
    if operator.index(value) < 1:
        raise ValueError(f"{who} expected {name} to be at least 1, got {value!r}")
    return operator.index(value)


def check_number(
    who: str, name: str, value: Any, wanted: str, holds: Callable[[float], bool]
) -> None:
    """Raise unless `value` is one real number and, where its value is known, `holds(value)`."""
    if isinstance(value, str | bool | None) or jnp.shape(value) != ():
        raise TypeError(f"{who} expected {name} to be one number, got {value!r}")
    if not isinstance(value, Tracer) and not holds(float(value)):
        raise ValueError(f"{who} {name} must be {wanted}, got {value}")


def check_floating(who: str, x: jax.Array) -> None:
    """Raise unless `x` holds real floating-point numbers."""
    dtype = jnp.result_type(x)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(
            f"{who} expected a floating-point input, got {dtype}; "
            f"convert it first, for example x.astype(jax.numpy.float32)"
        )


def check_features(who: str, x: jax.Array, features: int) -> None:
    """Raise unless `x` is floating-point with `features` entries in its last axis."""
    if jnp.ndim(x) == 0 or jnp.shape(x)[-1] != features:
        raise ValueError(
            f"{who} expected an input whose last axis is {features}, got shape {jnp.shape(x)}"
        )
    check_floating(who, x)


def real_rows(who: str, x: jax.Array, mask: jax.Array) -> jax.Array:
    """Return `mask` `[batch]` with the axes of `x` `[batch, ...]`, so that it broadcasts."""
    if jnp.result_type(mask) != jnp.bool_:
        raise TypeError(
            f"{who} expected a bool mask, True where a row is real, got {jnp.result_type(mask)}"
        )
    if jnp.shape(mask) != jnp.shape(x)[:1]:
        raise ValueError(
            f"{who} expected a mask of shape {jnp.shape(x)[:1]}, one entry a row of an input of "
            f"shape {jnp.shape(x)}, got shape {jnp.shape(mask)}"
        )
    return mask.reshape(mask.shape + (1,) * (x.ndim - 1))
