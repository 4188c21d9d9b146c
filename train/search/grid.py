"""Tell which hyper-parameters of a grid a compiled program can take as numbers.

A program is made anew for each value of the others, such as a width or an optimizer's name.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from .._records import is_key

#: One value for each hyper-parameter, by the name of the run's argument.
Setting: TypeAlias = dict[str, Any]
#: All values of each hyper-parameter, of any type that the run takes.
Grid: TypeAlias = Mapping[str, Sequence[Any]]
#: Numbers that a program takes, by name: arrays.
Numbers: TypeAlias = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Program:
    """What one compiled program of a search is made with, and what it takes.

    Attributes:
        fixed: The values that the program is made with.
        numbers: The names of the numbers that it takes as arguments.
        run: The jitted run, `run(key, numbers, sets) -> (train_state, history)`.
        error: What tracing it raised, or None.
    """

    fixed: Setting
    numbers: tuple[str, ...]
    run: Callable[..., Any]
    error: Exception | None = None


#: `build(fixed, numbers)`: the program with these values that takes these numbers, or None if it
#: cannot take them. A program that takes no number is always there, if with an error.
Build: TypeAlias = Callable[[Setting, Sequence[str]], Program | None]


def listed(name: str, values: Any) -> list[Any]:
    """Return the values of a hyper-parameter as a list.

    The numbers of an array become NumPy's, which can be hashed and printed.

    Raises:
        ValueError: If there is no list, or no value in it.

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
    """Return every choice of one value for each name.

    Example:
        >>> product({"width": [3, 5], "rate": [0.1]})
        [{'width': 3, 'rate': 0.1}, {'width': 5, 'rate': 0.1}]
    """
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def programs_of(grid: Grid, build: Build) -> list[Program]:
    """Return the programs of a grid, as few as `build` allows.

    Args:
        grid: The values of each hyper-parameter.
        build: `build(fixed, numbers)` makes the program with the values `fixed` that takes the
            names `numbers` as arguments, or returns None where that cannot be; a name that is in
            neither has its first value.

    Example:
        >>> def build(fixed, numbers):
        ...     if fixed["optimizer"] == "adam" or "momentum" not in numbers:
        ...         return Program(fixed=fixed, numbers=tuple(numbers), run=print)
        >>> for program in programs_of({"optimizer": ["adam", "sgd"], "momentum": [0, 1]}, build):
        ...     print(program.fixed, program.numbers)
        {'optimizer': 'adam'} ('momentum',)
        {'optimizer': 'sgd', 'momentum': 0} ()
        {'optimizer': 'sgd', 'momentum': 1} ()
    """
    return _programs(grid, build, {}, [name for name in grid if all(map(_is_number, grid[name]))])


def _programs(grid: Grid, build: Build, shared: Setting, numeric: list[str]) -> list[Program]:
    """Return the programs that are made with what is `shared`.

    Each takes as many of the `numeric` names as it can; where it cannot take all of them, those
    that it can take are found one by one, and there is a program for each value of the others.
    """
    programs = []
    for setting in product({n: grid[n] for n in grid if n not in shared and n not in numeric}):
        fixed = shared | setting
        program = build(fixed, numeric)
        if program is not None:
            programs.append(program)
            continue
        programs += _programs(grid, build, fixed, _traceable(grid, build, fixed, numeric))
    return programs


def _traceable(grid: Grid, build: Build, fixed: Setting, numeric: list[str]) -> list[str]:
    """Return which of the `numeric` names a program can take, while the others have some value.

    The first values may be some that no run can have; then others are tried.
    """
    for i in range(max(len(grid[name]) for name in numeric)):
        setting = fixed | {name: grid[name][i % len(grid[name])] for name in numeric}
        numbers: list[str] = []
        for name in numeric:
            more = [*numbers, name]
            others = {other: setting[other] for other in setting if other not in more}
            if build(others, more) is not None:
                numbers = more
        if numbers or _runs(build(setting, ())):
            return numbers
    return []


def _runs(program: Program | None) -> bool:
    return program is not None and program.error is None


def as_array(values: Sequence[Any], among: Sequence[Any]) -> np.ndarray:
    """Return numbers as an array `[values]` of the dtype that JAX gives all values of their name.

    A Python number would have a weak type, and a result of half precision would take another dtype
    from it than from an array.

    Example:
        >>> as_array([1], among=[0.5, 1])
        array([1.], dtype=float32)
    """
    return np.array(values, jnp.array(among).dtype)


def _is_array_of_one(value: object) -> bool:
    return isinstance(value, jax.Array | np.ndarray) and value.ndim == 0 and not is_key(value)


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)
