"""Make the runs of a search: one after the other, in batches, or one alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import jax
import numpy as np
from numpy.typing import ArrayLike

from .. import data as datasets
from .._types import Data, Device
from ..curves import History
from ..data.accepted import on_device
from ..steps import TrainState
from .devices import on_each, spread_call
from .folds import fold_rows
from .grid import Grid, Numbers, Program, Setting, as_array

#: `run(key, train_data, validation, **setting)`, a user's function.
Run: TypeAlias = Callable[..., tuple[TrainState, History]]
#: Training and validation data `[rows, ...]`, or all folds of them `[folds, rows, ...]`.
Sets: TypeAlias = tuple[Data, Data | None]
#: The number of a setting, of a repeat and of a fold, and the history of that run.
Trial: TypeAlias = tuple[int, int, int, History]


@dataclass(frozen=True, kw_only=True)
class Trials:
    """What the runs of every program of a search have in common.

    Attributes:
        grid: All values of each name, which decide the dtype of a number.
        key: The key of the search.
        data: Training and validation data, `[rows, ...]`.
        repeats: Runs of every setting, and of every fold.
        folds: The parts that the training data are cut into, anew for each repeat; or None.
        stratify: The labels `[rows]` of which each part has its share; or None.
        devices: Over which the runs are spread; none: all are made on one.
    """

    grid: Grid
    key: jax.Array
    data: Sets
    repeats: int
    folds: int | None
    stratify: ArrayLike | None = None
    devices: tuple[Device, ...] = ()

    def numbers(self, settings: Sequence[Setting]) -> Numbers:
        """Return the numbers of several settings, of each name an array `[settings]`."""
        names = settings[0]
        return {n: as_array([setting[n] for setting in settings], self.grid[n]) for n in names}

    def fold(self, repeat: int, fold: int | slice) -> Sets:
        """Return the data of a fold; of several, arrays `[folds, rows, ...]`."""
        if self.folds is None:
            return on_device(self.data)
        data = self.data[0]
        parts = fold_rows(
            self.key, datasets.length(data), self.folds, repeat=repeat, stratify=self.stratify
        )
        train_data, validation = (datasets.take(data, rows[fold]) for rows in parts)
        return on_device((train_data, validation))


def run_key(key: jax.Array, repeat: int, fold: int | None = None) -> jax.Array:
    """Return the key of a repeat, or of a fold of it; the numbers may be traced."""
    key = jax.random.fold_in(key, repeat)
    return key if fold is None else jax.random.fold_in(key, fold)


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


def one_by_one(trials: Trials, program: Program, settings: Sequence[Setting]) -> Iterator[Trial]:
    """Make the runs one after the other, each a call of the one program that `replay` calls."""
    numbers = trials.numbers(settings)
    for repeat in range(trials.repeats):
        for fold in range(trials.folds or 1):
            sets = trials.fold(repeat, fold)
            for setting in range(len(settings)):
                # Made anew for each setting: a run may split it, and JAX can be told to forbid that
                # of one array twice (`jax_debug_key_reuse`).
                key = run_key(trials.key, repeat, None if trials.folds is None else fold)
                own = {name: values[setting] for name, values in numbers.items()}
                history = program.run(key, own, sets)[1]
                yield setting, repeat, fold, jax.device_get(history)


def in_batches(
    trials: Trials, program: Program, settings: Sequence[Setting], chunk: int
) -> Iterator[Trial]:
    """Make `chunk` runs with one call, of one program that is batched with `vmap`.

    All folds of a repeat share a call. Without folds the repeats do, too, for they share the data.
    """

    def one(key: jax.Array, lane: tuple[int, Numbers], fold: int | None, sets: Sets) -> History:
        repeat, numbers = lane
        return program.run(run_key(key, repeat, fold), numbers, sets)[1]

    folded = trials.folds is not None
    folds = np.arange(trials.folds or 1) if folded else None
    many = jax.vmap(one, (None, None, 0, 0)) if folded else one
    batched = jax.vmap(many, (None, 0, None, None))
    count = max(len(trials.devices), 1)
    batch = jax.jit(batched) if count == 1 else spread_call(batched, trials.devices)
    together = [[repeat] for repeat in range(trials.repeats)] if folded else [range(trials.repeats)]
    for repeats in together:
        lanes = [(setting, repeat) for setting in range(len(settings)) for repeat in repeats]
        numbers = trials.numbers([settings[setting] for setting, _ in lanes])
        stacked = np.array([repeat for _, repeat in lanes]), numbers
        sets = on_each(trials.devices, trials.fold(repeats[0], slice(None)))
        size = min(max(chunk // (trials.folds or 1), 1), -(-len(lanes) // count)) * count
        for start in range(0, len(lanes), size):
            # The last batch repeats the last run until it is whole, so that one program is enough.
            rows = np.minimum(np.arange(start, start + size), len(lanes) - 1)
            history = jax.device_get(batch(trials.key, datasets.take(stacked, rows), folds, sets))
            for place, (setting, repeat) in enumerate(lanes[start : start + size]):
                of_run = _entry(history, place)
                for fold in range(trials.folds or 1):
                    yield setting, repeat, fold, _entry(of_run, fold) if folded else of_run


def _entry(history: History, i: int) -> History:
    """Return one of several histories."""
    return jax.tree.map(lambda leaf: leaf[i], history)


def replayer(
    trials: Trials, programs: Sequence[Program]
) -> Callable[[Setting, int], tuple[TrainState, History]]:
    """Make `replay(setting, repeat)`, which makes one run of the search alone.

    It takes the same values as traced numbers as the search did; with Python's numbers the program
    might be another.
    """

    def replay(setting: Setting, repeat: int) -> tuple[TrainState, History]:
        program = next(
            program
            for program in programs
            if all(_is_same(setting[name], value) for name, value in program.fixed.items())
        )
        numbers = trials.numbers([{name: setting[name] for name in program.numbers}])
        own = {name: values[0] for name, values in numbers.items()}
        return program.run(run_key(trials.key, repeat), own, on_device(trials.data))

    return replay


def _is_same(a: object, b: object) -> bool:
    """Return whether two values of a setting are equal, which may be arrays or typed keys."""
    return a is b or np.array_equal(a, b)  # pyright: ignore[reportArgumentType]
