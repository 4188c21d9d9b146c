"""One number in its own type and in float64: whether it is finite, and how many digits it has."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..program.wide_values import wide
from .error import relative_error

#: An error from which on no digit is right.
LOST = 0.1
#: An error up to which an operand has its digits, or this many times its epsilon.
_SOUND, _SOUND_EPS = 0.01, 8
#: Stands in for what is not finite in any type: no function has a pole or an edge here.
_STAND_IN = 0.5


class Both(NamedTuple):
    """A number, or an array of such, in its own type, and in float64."""

    own: Any
    wide: Any


class Constant(Both):
    """A number of the program's own: a literal, or what it closes over."""


def constant(value: Any) -> Constant:
    """Return a number of the program's own in both types; call it in 64-bit mode."""
    return Constant(*both(value))


def both(value: Any) -> Both:
    """Return a value in both types; call it in 64-bit mode."""
    return Both(value, wide(value))


def floats(one: Both) -> bool:
    """Whether it holds floats."""
    return jnp.issubdtype(jnp.result_type(one.own), jnp.inexact)


def arrays(one: Both) -> tuple[np.ndarray, np.ndarray]:
    """Return both as arrays of NumPy in float64."""
    own = np.asarray(one.own)
    return own.astype(np.complex128 if own.dtype.kind == "c" else np.float64), np.asarray(one.wide)


def errors(one: Both) -> np.ndarray:
    """Return the relative error of each entry, infinity for one that is not finite in one type."""
    own, true = arrays(one)
    with np.errstate(all="ignore"):
        apart = np.where(own == true, 0.0, np.abs(own - true) / np.abs(true))
    agree = (np.isnan(own) & np.isnan(true)) | (own == true)
    return np.where(agree, 0.0, np.nan_to_num(apart, nan=np.inf))


def lost(one: Both) -> bool:
    """Whether a number has no digit left, or an integer or a truth value is another one."""
    if not floats(one):
        return _differs(one)
    return bool(np.any(errors(one) > LOST))


def sound(one: Both) -> bool:
    """Whether each number has its digits, or is the same in both where it has none."""
    if not floats(one):
        return not _differs(one)
    eps = float(jnp.finfo(jnp.result_type(one.own)).eps)
    return bool(np.all(errors(one) <= max(_SOUND, _SOUND_EPS * eps)))


def _differs(one: Both) -> bool:
    """Whether integers or truth values, such as the pivots of a solver, are others in float64."""
    if jnp.issubdtype(jnp.result_type(one.own), jax.dtypes.extended):
        return False  # a key, which no rounding reaches
    return not np.array_equal(np.asarray(one.own), np.asarray(one.wide))


def wholly_lost(one: Both) -> bool:
    """Whether a result is off by as much as makes a row inaccurate, or not finite."""
    return floats(one) and not relative_error(*arrays(one)) <= LOST


def finite(one: Both) -> bool:
    """Whether all of it is finite in its own type; what holds no floats is."""
    return not floats(one) or bool(np.all(np.isfinite(arrays(one)[0])))


def new_faults(results: Sequence[Both], operands: Sequence[Both]) -> list[str]:
    """Say of each result what is wrong with it though what went into it was sound, else `""`.

    A NaN is new where no operand holds one, and an infinity where all are finite; digits are lost
    where all operands have theirs.
    """
    given = [arrays(operand)[0] for operand in operands if floats(operand)]
    without_nan = not any(np.any(np.isnan(one)) for one in given)
    all_finite = all(np.all(np.isfinite(one)) for one in given)
    every: list[str] = []
    digits: bool | None = None
    for one in results:
        own = arrays(one)[0] if floats(one) else np.zeros(())
        if without_nan and np.any(np.isnan(own)):
            every.append("nan")
        elif all_finite and np.any(np.isinf(own)):
            every.append("infinity")
        elif lost(one):
            digits = all(map(sound, operands)) if digits is None else digits
            every.append("digits" if digits else "")
        else:
            every.append("")
    return every


def repaired(one: Both) -> Both:
    """Return a number with its digits, and finite: as in float64, or what stands in for it."""
    if not floats(one):
        return Both(jnp.asarray(one.wide, jnp.result_type(one.own)), one.wide) if lost(one) else one
    # By NumPy: JAX would compile five programs for each shape.
    dtype, given = jnp.result_type(one.own), np.asarray(one.wide)
    true = np.where(np.isfinite(given), given, _STAND_IN)
    near = true
    if not jnp.issubdtype(dtype, jnp.complexfloating):
        limit = float(jnp.finfo(dtype).max)
        near = np.clip(true, -limit, limit)
    with np.errstate(over="ignore"):
        return Both(*jax.device_put((near.astype(dtype), true)))
