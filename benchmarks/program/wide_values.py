"""Numbers and single operations in float64, whatever type they were traced in."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.extend.core import JaxprEqn

from .jaxpr import Atom, dtype, holds_floats, kind
from .primitives import PRIMITIVES
from .walk import bind

_SCATTERS: dict[str, Callable[..., Any]] = {
    "scatter": jax.lax.scatter,
    "scatter-add": jax.lax.scatter_add,
    "scatter-max": jax.lax.scatter_max,
    "scatter-min": jax.lax.scatter_min,
    "scatter-mul": jax.lax.scatter_mul,
    "scatter-sub": jax.lax.scatter_sub,
}


def wide_dtype(dtype: Any) -> Any:
    """Return float64 for a floating type, complex128 for a complex one, and any other as it is.

    Example:
        >>> wide_dtype(jnp.bfloat16), wide_dtype(np.dtype("int32"))
        (dtype('float64'), dtype('int32'))
    """
    if jnp.issubdtype(dtype, jnp.floating):
        return np.dtype(np.float64)
    return np.dtype(np.complex128) if jnp.issubdtype(dtype, jnp.complexfloating) else dtype


def wide(value: Any) -> Any:
    """Return an array in its wide type; under `jax.enable_x64(True)`.

    A literal of a program is the Python number that the user wrote. It is rounded to its type
    first, as it is when the program runs: an input that equals it shall equal it here too.
    """
    given = getattr(value, "dtype", None)
    if given is None or not jnp.issubdtype(given, jnp.inexact):
        return value
    if isinstance(value, float | complex):
        value = np.asarray(value, given)
    if _is_at_hand(value):  # JAX would compile a program for each shape
        return jax.device_put(np.asarray(value).astype(wide_dtype(given)))
    return jnp.asarray(value, wide_dtype(given))


def _is_at_hand(value: Any) -> bool:
    """Whether NumPy can read an array where it lies, and no device was chosen for it."""
    if not isinstance(value, jax.Array):
        return isinstance(value, np.ndarray)
    if isinstance(value, Tracer) or value.committed:
        return False
    return all(device.platform == "cpu" for device in value.devices())


def wide_operation(eqn: JaxprEqn, operands: Sequence[Any]) -> list[Any]:
    """Do one equation without inner programs on wide values."""
    name = kind(eqn)
    if name in _SCATTERS:
        names = ("indices_are_sorted", "unique_indices", "mode")
        options = {option: eqn.params[option] for option in names}
        numbers = eqn.params["dimension_numbers"]
        return [_SCATTERS[name](*operands, numbers, **options)]
    wrapped = eqn.params.get("_prim") is not None
    if name in PRIMITIVES and name != "bitcast_convert_type" and not wrapped:
        return bind(eqn, operands, **_wide_parameters(eqn))
    return in_own_types(eqn, operands)


def in_own_types(eqn: JaxprEqn, operands: Sequence[Any]) -> list[Any]:
    """Do one equation in the types that it was traced with, and widen what it gives."""
    return [wide(result) for result in bind(eqn, narrow(eqn.invars, operands))]


def narrow(atoms: Sequence[Atom], values: Sequence[Any]) -> list[Any]:
    """Return values in the types of the variables that they stand for."""
    pairs = zip(atoms, values, strict=True)
    return [
        jnp.asarray(value, dtype(atom)) if holds_floats(atom) else value for atom, value in pairs
    ]


def _wide_parameters(eqn: JaxprEqn) -> dict[str, Any]:
    """Return the parameters that name a floating type, and the precision of products, changed."""
    changed = {
        name: wide_dtype(value) for name, value in eqn.params.items() if isinstance(value, np.dtype)
    }
    return changed | ({"precision": None} if "precision" in eqn.params else {})
