"""Whether inputs are of the kind that a derivative was made for, and an error that says so."""

from typing import Any, NoReturn

import jax
import numpy as np
from jax.core import Tracer

from ..._record_file import short
from ...instrument.units import counted
from ...program.inputs import Inputs
from ...program.messages import WrongInputsError
from .asked import Asked

#: What JAX has only in 64-bit mode.
_OF_64_BITS = ("float64", "int64", "uint64", "complex128")


def refuse(asked: Asked, fault: str) -> NoReturn:
    """Say which derivative does not take its inputs, why, and what to do."""
    raise WrongInputsError(
        f"the {asked.what} of {asked.name}: {fault}; call gradwise.{asked.caller} again for these"
    )


def _check_structure(asked: Asked, given: Inputs, now: Inputs) -> None:
    """Raise `ValueError` if arguments are of another number, or built otherwise."""
    wanted, got = given.treedef.children(), now.treedef.children()
    if len(wanted) != len(got):
        raise WrongInputsError(
            f"the {asked.what} of {asked.name} takes {counted(len(wanted), 'argument')}, got "
            f"{len(got)}: give those that {asked.name} takes"
        )
    for place, (one, other) in enumerate(zip(wanted, got, strict=True)):
        if one != other:
            built = f"argument {place} has the structure {_built(other)}"
            refuse(asked, f"{built}, it was made for {_built(one)}")


def _built(treedef: Any) -> str:
    """Write how an argument is built, such as `{'b': *, 'w': *}`."""
    told = str(treedef).removeprefix("PyTreeDef(").removesuffix(")")
    return "one array" if told == "*" else short(told)


def check_kinds(asked: Asked, given: Inputs, now: Inputs) -> None:
    """Raise `ValueError` if inputs are of other kinds than those that were given."""
    if now.treedef != given.treedef:
        _check_structure(asked, given, now)
    for place, array in given.arrays.items():
        if array.dtype in _OF_64_BITS and not jax.config.read("jax_enable_x64"):
            raise ValueError(
                f"{given.names[place]} is {array.dtype}, and jax_enable_x64 is off now: switch it "
                "on, as it was when the derivative was made"
            )
        other = now.arrays.get(place)
        if other is None or (other.shape, other.dtype) != (array.shape, array.dtype):
            got = "no array" if other is None else f"{other.dtype}{list(other.shape)}"
            wanted = f"{array.dtype}{list(array.shape)}"
            refuse(asked, f"{given.names[place]} is {got}, it was made for {wanted}")
    for place, value in enumerate(given.given):
        if place not in given.arrays and not _equal(now.given[place], value):
            got = short(repr(now.given[place]))
            refuse(asked, f"{given.names[place]} is {got}, it was made for {short(repr(value))}")


def _equal(one: object, other: object) -> bool:
    """Whether two values that a function was traced with are the same; in doubt they are not."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (np.ndarray, jax.Array)):
        return not isinstance(one, Tracer) and np.array_equal(np.asarray(one), np.asarray(other))
    try:
        return one is other or bool(one == other)
    except Exception:  # whatever an object of the user's raises
        return False
