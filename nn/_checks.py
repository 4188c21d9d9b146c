"""Argument checks of the layers; each error names the layer, what it expected and what it got."""

import operator
from collections.abc import Callable
from numbers import Number
from typing import SupportsIndex, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

T = TypeVar("T")


def positive_int(who: str, name: str, value: object) -> int:
    """Return `value` as an int of at least 1.

    Raises:
        TypeError: If `value` is not an integer.
        ValueError: If it is below 1.
    """
    if isinstance(value, bool | Tracer) or not isinstance(value, SupportsIndex):
        raise TypeError(f"{who} expected {name} to be an int, got {value!r}")
    if operator.index(value) < 1:
        raise ValueError(f"{who} expected {name} to be at least 1, got {value!r}")
    return operator.index(value)


def check_number(
    who: str, name: str, value: float | jax.Array, wanted: str, holds: Callable[[float], bool]
) -> None:
    """Check that `value` is one real number for which `holds(value)` is true.

    A traced number has no value yet, so only its shape is checked.

    Raises:
        TypeError: If `value` is not a single number.
        ValueError: If `holds(value)` is false; the message says that it must be `wanted`.
    """
    if isinstance(value, str | bool | None) or jnp.shape(value) != ():
        raise TypeError(f"{who} expected {name} to be one number, got {value!r}")
    if not isinstance(value, Tracer) and not holds(float(value)):
        raise ValueError(f"{who} {name} must be {wanted}, got {value}")


def check_key(who: str, key: object) -> None:
    """Check that `key`, if there is one, is a key, and neither a number nor several keys.

    Raises:
        TypeError: If it is a number, of which a key is made.
        ValueError: If it is an array of keys.
    """
    if isinstance(key, Number) or (isinstance(key, np.ndarray | jax.Array) and _is_number(key)):
        raise TypeError(f"{who} expected a key, got {key}: make one, jax.random.key({key})")
    if isinstance(key, jax.Array) and _is_typed(key) and key.ndim:
        raise ValueError(
            f"{who} expected one key, got keys of shape {key.shape}: take one of them, or map over "
            "them by jax.vmap"
        )


def _is_number(key: np.ndarray | jax.Array) -> bool:
    return key.ndim == 0 and not _is_typed(key)


def _is_typed(key: np.ndarray | jax.Array) -> bool:
    return jnp.issubdtype(key.dtype, jax.dtypes.prng_key)


def canonical(x: T) -> T | jax.Array:
    """Return NumPy's floats as JAX's array, in the dtype that JAX has for them; else `x` itself."""
    is_floats = isinstance(x, np.ndarray) and jnp.issubdtype(x.dtype, np.floating)
    return jnp.asarray(x) if is_floats else x


def check_array(who: str, x: object) -> None:
    """Check that `x` is one array, or a number, and no tree of them.

    Raises:
        TypeError: If it is a tree, or None.
    """
    if x is None:
        raise TypeError(f"{who} expected one array, got None")
    if not hasattr(x, "shape") and isinstance(x, tuple | list | dict):
        cure = {
            list: "make it one: jax.numpy.asarray(x)",
            tuple: "a layer returns two things, y, state = layer.apply(params, state, x); features "
            "and targets are apart: predict takes x alone",
        }.get(type(x), "let the model give each layer one array of the tree")
        raise TypeError(f"{who} expected one array, got a {type(x).__name__} of {len(x)}; {cure}")


def check_floating(who: str, x: jax.Array) -> None:
    """Check that `x` holds real floating-point numbers.

    Raises:
        TypeError: If it does not.
    """
    check_array(who, x)
    dtype = jnp.result_type(x)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(
            f"{who} expected a floating-point input, got {dtype}; "
            f"convert it first, for example x.astype(jax.numpy.float32)"
        )


def check_features(who: str, x: jax.Array, features: int) -> None:
    """Check that `x` is floating-point and `[..., features]`.

    Raises:
        ValueError: If the last axis has another size.
        TypeError: If the dtype is not floating-point.
    """
    check_array(who, x)
    if jnp.ndim(x) == 0 or jnp.shape(x)[-1] != features:
        raise ValueError(
            f"{who} expected an input whose last axis is {features}, got shape {jnp.shape(x)}"
        )
    check_floating(who, x)


def check_sequence(who: str, x: jax.Array, features: int) -> None:
    """Check that `x` is floating-point and `[batch, time, features]`.

    Raises:
        ValueError: If it has another number of axes, or the last one has another size.
        TypeError: If the dtype is not floating-point.
    """
    check_array(who, x)
    if jnp.ndim(x) != 3:
        raise ValueError(
            f"{who} expected an input [batch, time, {features}], got shape {jnp.shape(x)}"
        )
    check_features(who, x, features)


def real_entries(who: str, x: jax.Array, mask: jax.Array) -> jax.Array:
    """Reshape `mask`, `[batch]` or `[batch, time]`, so that it broadcasts with `x` `[batch, ...]`.

    Features are last, so an input of two axes has no time axis: a layer has made one vector of
    each sequence. A row of it is real if any step of the sequence is.

    Raises:
        TypeError: If the mask is not bool.
        ValueError: If it does not have one entry for each row, or for each step, of `x`.
    """
    if jnp.result_type(mask) != jnp.bool_:
        raise TypeError(
            f"{who} expected a bool mask, True where a row is real, got {jnp.result_type(mask)}"
        )
    if jnp.ndim(mask) == 2 and jnp.ndim(x) <= 2:
        mask = mask.any(axis=1)
    axes = jnp.ndim(mask)
    if axes not in (1, 2) or jnp.shape(mask) != jnp.shape(x)[:axes]:
        rows, steps = jnp.shape(x)[:1], jnp.shape(x)[:2]
        of_steps = f", or {steps}, one a step," if jnp.ndim(x) > 2 else ""
        raise ValueError(
            f"{who} expected a mask of shape {rows}, one entry a row{of_steps} of an input of "
            f"shape {jnp.shape(x)}, got shape {jnp.shape(mask)}"
        )
    return mask.reshape(mask.shape + (1,) * (jnp.ndim(x) - axes))


def hide(who: str, x: jax.Array, mask: jax.Array | None) -> jax.Array:
    """Return `x` `[batch, ...]` with 0 where `mask` hides it; without a mask, `x` itself.

    A layer hides its input before it computes anything: a NaN would make the gradients of its
    parameters NaN, even where the gradient that comes in is 0.

    Raises:
        TypeError: If the mask is not bool.
        ValueError: If it does not fit `x`.
    """
    if mask is None:
        return x
    return jnp.where(real_entries(who, x, mask), x, jnp.zeros((), jnp.result_type(x)))
