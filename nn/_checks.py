"""Checks of what `apply` is given; each error names the layer, what it expected and what it got."""

from numbers import Number
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

T = TypeVar("T")

#: The default of an input that is required, so that the layer itself says that it was left out.
NO_INPUT: Any = None

_ORDER = "call apply(params, state, x); a layer that remembers nothing has the state ()"


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


def check_given(who: str, x: object) -> None:
    """Check that there is an input, and not the state of layers that have none in its place.

    Raises:
        TypeError: If there is none.
    """
    if not jax.tree.leaves(x):
        raise TypeError(f"{who} expected one array, got {x}: {_ORDER}")


def check_params(who: str, params: object, kind: type) -> None:
    """Check that parameters, or a state, have the fields of the NamedTuple `kind`.

    Raises:
        TypeError: If one is missing, as where two arguments of `apply` are swapped.
    """
    fields = getattr(kind, "_fields", ())
    if all(hasattr(params, field) for field in fields):
        return
    got = type(params).__name__
    if isinstance(params, tuple | list | dict):
        got += f" of {len(params)}"
    elif hasattr(params, "shape"):
        got = f"an array of shape {jnp.shape(params)}"  # pyright: ignore[reportArgumentType]
    raise TypeError(
        f"{who} expected {kind.__name__}({', '.join(fields)}) as its init draws it, got {got}: "
        "params, state = model.init(key), then model.apply(params, state, x)"
    )


def check_train(who: str, train: object) -> None:
    """Check that the switch of training is known: what a layer computes depends on it.

    Raises:
        TypeError: If it is traced, as an argument of a jitted function is, or no bool.
    """
    if isinstance(train, Tracer):
        raise TypeError(
            f"{who} expected train to be True or False, got a traced value: name it static, "
            'jax.jit(model.apply, static_argnames="train"), or jit a function that sets it'
        )
    if not isinstance(train, bool | np.bool_ | int):
        raise TypeError(f"{who} expected train to be True or False, got {train!r}")


def check_array(who: str, x: object) -> None:
    """Check that `x` is one array, or a number, and no tree of them.

    Raises:
        TypeError: If it is a tree, or None.
    """
    check_given(who, x)
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
