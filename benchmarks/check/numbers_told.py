"""Write an operation with the numbers that went into it, as in `0.5 / 0 = inf`."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..program.jaxpr import kind
from ..program.primitives import PLACE, PRIMITIVES
from .both import LOST, Both, arrays, errors, floats
from .stepping import Step

#: Which result holds the eigenvalues or singular values, and how many are written.
_SPECTRA, _MOST = {"eigh": 1, "svd": 0}, 8
_INFIX = {"add": "+", "add_any": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**"}


def told(step: Step, place: int = 0, entry: tuple[int, ...] | None = None) -> str:
    """Write an operation, and the numbers that went into one entry of a result of it.

    Args:
        step: The operation as it was run.
        place: Which of its results.
        entry: The entry; `None` for all of it.
    """
    shape = np.shape(step.results[place].own)
    known = PRIMITIVES.get(kind(step.eqn))
    placed = known is not None and (known.depends == PLACE or kind(step.eqn) == "select_n")
    by_entry = entry is not None and placed
    texts = [_operand(one, shape, entry if by_entry else None) for one in step.operands]
    if kind(step.eqn) in _SPECTRA:
        return f"{_operation(step, texts)} with {_numbers(step.results[_SPECTRA[kind(step.eqn)]])}"
    return _operation(step, texts)


def told_with_result(step: Step, place: int, entry: tuple[int, ...]) -> str:
    """Write the same, and what came out."""
    return f"{told(step, place, entry)} = {_result(step.results[place], entry)}"


def _operation(step: Step, texts: Sequence[str]) -> str:
    name = kind(step.eqn)
    if name in _INFIX and len(texts) == 2:
        return f"{texts[0]} {_INFIX[name]} {texts[1]}"
    if name == "integer_pow":
        return f"{texts[0]} ** {step.eqn.params['y']}"
    return f"{name}({', '.join(texts)})"


def _operand(one: Both, shape: tuple[int, ...], entry: tuple[int, ...] | None) -> str:
    if jnp.issubdtype(jnp.result_type(one.own), jax.dtypes.extended):
        return "key"
    own = np.asarray(arrays(one)[0] if floats(one) else one.own)
    if own.size == 1:
        return _number(own.ravel()[0])
    value = None if entry is None else _at(own, shape, entry)
    return _array(one, own) if value is None else _number(value)


def numbers_in(step: Step, entry: tuple[int, ...] | None) -> tuple[float | None, ...]:
    """Return the numbers that went into an entry of a result, `None` for what is no single one."""
    shape = np.shape(step.results[0].own)
    found = (_single(one, shape, entry) for one in step.operands)
    return tuple(None if one is None else float(one) for one in found)


def _single(one: Both, shape: tuple[int, ...], entry: tuple[int, ...] | None) -> Any:
    if not floats(one) or np.iscomplexobj(arrays(one)[0]):
        return None
    own = arrays(one)[0]
    if own.size == 1:
        return own.ravel()[0]
    return None if entry is None else _at(own, shape, entry)


def _at(own: np.ndarray, shape: tuple[int, ...], entry: tuple[int, ...]) -> Any:
    """Return what an array, or one that is stretched to this shape, holds at an entry."""
    fits = len(own.shape) == len(shape) and all(
        size in (1, wanted) for size, wanted in zip(own.shape, shape, strict=True)
    )
    if not fits:
        return None
    return own[tuple(i if size > 1 else 0 for i, size in zip(entry, own.shape, strict=True))]


def _array(one: Both, own: np.ndarray) -> str:
    """Write an array by its type, and the range of what it holds."""
    name = f"{jnp.result_type(one.own)}[{','.join(map(str, own.shape))}]"
    if own.dtype.kind != "f" or not own.size:
        return name
    if np.isnan(own).any():
        return f"{name} with NaN"
    low, high = _number(own.min()), _number(own.max())
    return f"{name} of {low}" if low == high else f"{name} of {low} to {high}"


def _result(made: Both, entry: tuple[int, ...]) -> str:
    if not floats(made):
        return f"{np.asarray(made.own)[entry]}, in float64 {np.asarray(made.wide)[entry]}"
    own, true = arrays(made)
    text = _number(own[entry])
    return f"{text}, in float64 {_number(true[entry])}" if errors(made)[entry] > LOST else text


def _numbers(one: Both) -> str:
    """Write the first numbers of a vector."""
    own = arrays(one)[0].ravel()
    return ", ".join(map(_number, own[:_MOST])) + (", ..." if own.size > _MOST else "")


def _number(value: object) -> str:
    if isinstance(value, bool | np.bool_ | int | np.integer):
        return str(value)
    number = np.asarray(value).item()
    short = f"{number:.6g}"
    near = isinstance(number, float) and short.lstrip("-").isdigit() and float(short) != number
    return f"{number:.9g}" if near else short  # a number beside 1 is not 1
