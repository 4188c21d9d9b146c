"""Which hyper-parameters of a grid are numbers within a program, and which make a program."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Setting = dict[str, Any]
Grid = Mapping[str, Sequence[Any]]
Accepts = Callable[[Setting, list[str]], bool]


class Program(NamedTuple):
    """What one compiled program of a search is.

    Example:
        >>> Program({"optimizer": "adam"}, ["learning_rate"]).numbers
        ['learning_rate']
    """

    outside: Setting  # the Python values that it is made with
    numbers: list[str]  # the names of the numbers that it takes traced


def listed(name: str, values: Any) -> list[Any]:
    """The values of a name; the numbers of an array are numbers that can be hashed and printed.

    Example:
        >>> listed("rate", jnp.array([0.5, 1.0]))
        [np.float32(0.5), np.float32(1.0)]
    """
    try:
        entries = [] if isinstance(values, str) else list(values)
    except TypeError:
        entries = []
    if not entries:
        raise ValueError(
            f"grid_search needs a list of at least one value for {name}, got {values!r}: put a "
            "single value into a list, too"
        )
    return [np.asarray(value)[()] if _is_array_of_one(value) else value for value in entries]


def product(grid: Grid) -> list[Setting]:
    """Every choice of one value for each name.

    Example:
        >>> product({"width": [3, 5], "rate": [0.1]})
        [{'width': 3, 'rate': 0.1}, {'width': 5, 'rate': 0.1}]
    """
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def programs_of(grid: Grid, accepts: Accepts) -> list[Program]:
    """The programs of a grid, found out by trying: as few numbers as can be are Python values.

    `accepts(outside, numbers)` says whether a program with these Python values can be made that
    takes these numbers traced; what is in neither has its first value.

    Example:
        >>> def accepts(outside, numbers):
        ...     return outside["optimizer"] == "adam" or "momentum" not in numbers
        >>> for program in programs_of({"optimizer": ["adam", "sgd"], "momentum": [0, 1]}, accepts):
        ...     print(*program)
        {'optimizer': 'adam'} ['momentum']
        {'optimizer': 'sgd', 'momentum': 0} []
        {'optimizer': 'sgd', 'momentum': 1} []
    """
    return _programs(grid, accepts, {}, [name for name in grid if all(map(_is_number, grid[name]))])


def _programs(grid: Grid, accepts: Accepts, fixed: Setting, numeric: list[str]) -> list[Program]:
    """Those that share what is `fixed`, each with as many of the `numeric` names as it takes."""
    found = []
    for setting in product({n: grid[n] for n in grid if n not in fixed and n not in numeric}):
        outside = fixed | setting
        if accepts(outside, numeric):
            found.append(Program(outside, numeric))
            continue
        first = outside | {name: grid[name][0] for name in numeric}
        numbers: list[str] = []
        for name in numeric:
            more = [*numbers, name]
            if accepts({other: first[other] for other in first if other not in more}, more):
                numbers = more
        found += _programs(grid, accepts, outside, numbers)
    return found


def as_array(values: Sequence[Any], among: Sequence[Any]) -> jax.Array:
    """Numbers as an array, of the type that all values of their name have `among` them.

    A Python number would be of another type, to which a result of half precision gives way.

    Example:
        >>> as_array([1], among=[0.5, 1])
        Array([1.], dtype=float32)
    """
    return jnp.array(values, jnp.array(among).dtype)


def _is_array_of_one(value: Any) -> bool:
    is_array = isinstance(value, jax.Array | np.ndarray) and value.ndim == 0
    return is_array and not jnp.issubdtype(value.dtype, jax.dtypes.prng_key)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)
