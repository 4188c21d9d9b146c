"""Make the runs of a search: many of them as one compiled program, or one alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import numpy as np

from .. import data as datasets
from .._types import Data
from ..curves import History
from ..steps import TrainState
from .grid import Grid, Program, Setting, as_array

#: `run(key, train_data, validation, **setting)`, a user's function.
Run: TypeAlias = Callable[..., tuple[TrainState, History]]
#: Training and validation data `[rows, ...]`, or all folds of them `[folds, rows, ...]`.
Sets: TypeAlias = tuple[Data, Data | None]
Numbers: TypeAlias = dict[str, np.ndarray]
#: The repeat and the numbers of each run, `[runs]`.
Lanes: TypeAlias = tuple[np.ndarray, Numbers]
#: `program(key, lanes, sets) -> history`, of all runs.
Trials: TypeAlias = Callable[[jax.Array, Lanes, Sets], History]


def bound(
    run: Run, fixed: Setting
) -> Callable[[jax.Array, Numbers, Sets], tuple[TrainState, History]]:
    """Return `run` with fixed values, which its errors name."""

    def bound_run(key: jax.Array, numbers: Numbers, sets: Sets) -> tuple[TrainState, History]:
        try:
            return run(key, *sets, **fixed, **numbers)
        except Exception as error:
            error.add_note(f"in grid_search, with {fixed}")
            raise

    return bound_run


def make_program(run: Run, fixed: Setting, folds: int | None) -> Trials:
    """Make `program(key, lanes, sets) -> history`, of all runs `[runs]` or `[runs, folds]`.

    Repeat r has the key `fold_in(key, r)`.
    """
    bound_run = bound(run, fixed)

    def one(key: jax.Array, lane: Lanes, sets: Sets) -> History:
        repeat, numbers = lane
        return bound_run(jax.random.fold_in(key, repeat), numbers, sets)[1]

    if folds is not None:
        one = jax.vmap(one, in_axes=(None, None, 0))
    return jax.jit(jax.vmap(one, in_axes=(None, 0, None)))


def stack(grid: Grid, settings: Sequence[Setting], repeats: int) -> Lanes:
    """Return the lanes of every setting with every repeat, `[settings * repeats]`.

    Args:
        grid: All values of each name, which decide the dtype.
        settings: The numbers of each setting, by name.
        repeats: Runs of every setting.
    """
    return np.tile(np.arange(repeats), len(settings)), {
        name: np.repeat(as_array([setting[name] for setting in settings], grid[name]), repeats)
        for name in settings[0]
    }


def scores_of(
    program: Trials, key: jax.Array, lanes: Lanes, sets: Sets, *, chunk: int, score: str
) -> np.ndarray:
    """Make all runs, `chunk` at a time, and return their scores, `[runs]` or `[runs, folds]`."""
    count = len(lanes[0])
    chunk = min(chunk, count)
    scores = []
    for start in range(0, count, chunk):
        # The last chunk repeats the last run until it is whole, so that the program compiles once.
        rows = np.minimum(np.arange(start, start + chunk), count - 1)
        history = jax.device_get(program(key, datasets.take(lanes, rows), sets))
        scores.append(last_score(history, score))
    return np.concatenate(scores)[:count]


def last_score(history: History, score: str) -> np.ndarray:
    """Return the last value of a curve in each of many runs, `[..., epochs]` to `[...]`.

    A run that a step ended, or that made no epoch, has the score NaN.
    """
    epochs = np.asarray(history.epochs)
    end = np.maximum(epochs - 1, 0)[..., None]
    curve = np.asarray(history.curves[score])
    last = np.take_along_axis(curve, end, axis=-1)[..., 0].astype(float)
    return np.where((np.asarray(history.failed_step) >= 0) | (epochs == 0), np.nan, last)


def replayer(
    run: Run, grid: Grid, key: jax.Array, sets: Sets, programs: Sequence[Program]
) -> Callable[[Setting, int], tuple[TrainState, History]]:
    """Make `replay(setting, repeat)`, which makes one run of the search alone.

    It takes the same values as traced numbers as the search did; with Python's numbers the program
    might be another.
    """
    runs = [jax.jit(bound(run, program.fixed)) for program in programs]  # compiled when called

    def replay(setting: Setting, repeat: int) -> tuple[TrainState, History]:
        number = next(
            number
            for number, program in enumerate(programs)
            if all(_is_same(setting[name], value) for name, value in program.fixed.items())
        )
        names = programs[number].numbers
        numbers = {name: as_array([setting[name]], grid[name])[0] for name in names}
        return runs[number](jax.random.fold_in(key, repeat), numbers, sets)

    return replay


def _is_same(a: object, b: object) -> bool:
    """Return whether two values of a setting are equal, which may be arrays or typed keys."""
    return a is b or np.array_equal(a, b)  # pyright: ignore[reportArgumentType]
