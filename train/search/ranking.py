"""Search over a grid of hyper-parameters, as few compiled programs as there are shapes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import data as datasets
from .._checks import check_sets, positive
from ..curves.history import History
from ..runs.whole_run import Data
from ..steps.state import TrainState
from .grid import Grid, Program, Setting, as_array, listed, product, programs_of
from .records import Row, Search

Run = Callable[..., tuple[TrainState, History]]

_FOLDS = 0xFFFFFFFE  # a fold of the key that no repeat takes


def grid_search(
    run: Run,
    grid: Mapping[str, Sequence[Any]],
    train_data: Data,
    validation: Data | None = None,
    *,
    key: jax.Array,
    folds: int | None = None,
    repeats: int = 1,
    score: str = "validation_loss",
    maximize: bool = False,
    chunk: int = 64,
) -> Search:
    """Trains every setting of a grid, and ranks them.

    Settings that differ only in numbers inside the program (learning rate, penalty weight, dropout
    rate, a seed) are one compiled program, batched with `vmap` together with repeats and folds;
    what decides a shape or a branch (width, batch size, an optimizer's name) is a program of its
    own. Which is which is found out by tracing: a value that the run cannot take as a traced number
    stays a Python value.

    The runs of one program are rounded otherwise than a run alone, such as `Search.replay` makes:
    the last digits of a score may differ, and more of them after a long or a wild training, which
    amplifies what is small.

    Args:
        run: `run(key, train_data, validation, **setting) -> (train_state, history)`, a pure
            function; inside it, `make_run` with the setting's optimizer and objective.
        grid: the values of every hyper-parameter, by the name of the run's argument.
        train_data: arrays `(x, y)`.
        validation: arrays `(x, y)`; not with `folds`.
        key: all randomness. Repeat r runs with `jax.random.fold_in(key, r)`, the same for every
            setting.
        folds: cross-validate: the shuffled rows are cut into so many parts of one size, each is the
            validation data once while the others train. Rows left over always train.
        repeats: runs of every setting, with keys of their own.
        score: the curve whose last value ranks.
        maximize: whether more is better.
        chunk: how many runs one call holds in memory, or all folds of one if they are more. All
            share one copy of the data, or one for each fold.

    Returns:
        The ranked settings with mean and standard error; one that diverged is a row at the end.

    Raises:
        ValueError: when the grid is empty, folds do not fit the data, or there is nothing to
            validate on.
        TypeError: when the run does not take a name of the grid.

    Example:
        >>> import optax, train
        >>> from train import metrics
        >>> def objective(params, state, batch, *, key=None, train=False):
        ...     error = metrics.mean((batch.x * params - batch.y) ** 2, where=batch.mask)
        ...     return error.value, (state, {"loss": error})
        >>> def run(key, train_data, validation, *, learning_rate, batch_size):
        ...     optimizer = optax.sgd(learning_rate)
        ...     train_state = train.init(jnp.array(0.0), (), optimizer)
        ...     go = train.make_run(objective, optimizer, epochs=5, batch_size=batch_size)
        ...     return go(key, train_state, train_data, validation)
        >>> x = jnp.array([1.0, 2.0, 3.0, 4.0])
        >>> grid = {"learning_rate": [1e-3, 1e-2], "batch_size": [2]}
        >>> search = train.grid_search(run, grid, (x, 2 * x), key=jax.random.key(0), folds=2)
        >>> search.best.setting
        {'learning_rate': 0.01, 'batch_size': 2}
    """
    repeats, chunk = positive("repeats", repeats), positive("chunk", chunk)
    folds = None if folds is None else positive("folds", folds)
    grid = {name: listed(name, values) for name, values in grid.items()}
    _check(run, grid, train_data, validation, folds)
    data = jax.tree.map(jnp.asarray, (train_data, validation))
    sets = data if folds is None else _folded(key, data[0], folds)
    first_sets = sets if folds is None else jax.tree.map(lambda leaf: leaf[0], sets)
    programs = programs_of(grid, _prober(run, grid, key, first_sets, score))
    rows = []
    for outside, numbers in programs:
        inside = product({name: grid[name] for name in numbers})
        lanes = _stack(grid, key, inside, repeats)
        program = _program(run, outside, folds)
        scores = _scores(program, lanes, sets, max(chunk // (folds or 1), 1), score)
        for setting, values in zip(inside, scores.reshape(len(inside), repeats, -1), strict=True):
            merged = outside | setting
            rows.append(Row.of({name: merged[name] for name in grid}, values))
    rows.sort(key=lambda row: (row.diverged, -row.mean if maximize else row.mean))
    return Search(tuple(rows), score, _replayer(run, grid, key, data, programs))


def _replayer(
    run: Run, grid: Grid, key: jax.Array, data: Any, programs: Sequence[Program]
) -> Callable:
    """One run alone, its numbers traced as in the search, or the program might be another."""

    def alone(setting: Setting, repeat: int) -> tuple[TrainState, History]:
        outside, numbers = next(
            program
            for program in programs
            if all(_same(setting[name], value) for name, value in program.outside.items())
        )
        traced = {name: as_array([setting[name]], grid[name])[0] for name in numbers}
        return jax.jit(_bound(run, outside))(jax.random.fold_in(key, repeat), traced, data)

    return alone


def _same(a: Any, b: Any) -> bool:
    """Whether two values are one; those of arrays have no `==` that says so, nor have keys."""
    return a is b or np.array_equal(a, b)


def _check(run: Run, grid: Grid, train_data: Any, validation: Any, folds: int | None) -> None:
    if not grid:
        raise ValueError("grid_search needs at least one value of one name, got an empty grid")
    try:
        inspect.signature(run).bind(None, None, None, **dict.fromkeys(grid))
    except TypeError as error:
        raise TypeError(
            f"the run must take (key, train_data, validation, {', '.join(grid)}): {error}"
        ) from None
    check_sets(train_data, validation, batch_size=1)
    if folds is None:
        return
    rows = datasets.length(train_data)
    if not 2 <= folds <= rows:
        raise ValueError(f"folds must be between 2 and the {rows} rows, got {folds}")
    if validation is not None:
        raise ValueError("folds make validation data of their own: leave validation= out")


def _folded(key: jax.Array, data: Data, folds: int) -> tuple[Data, Data]:
    """The data that train and those that validate, `[folds, rows, ...]`."""
    rows = datasets.length(data)
    order = np.asarray(jax.random.permutation(jax.random.fold_in(key, _FOLDS), rows))
    parts = order[: rows // folds * folds].reshape(folds, -1)
    rests = np.stack([np.setdiff1d(order, part, assume_unique=True) for part in parts])
    return datasets.take(data, rests), datasets.take(data, parts)


def _prober(
    run: Run, grid: Grid, key: jax.Array, sets: Any, score: str
) -> Callable[[Setting, list[str]], bool]:
    """`accepts(outside, numbers)`: whether the run takes these numbers traced, and can be ranked.

    An error without any traced number is the run's own, and is raised.
    """

    def accepts(outside: Setting, numbers: list[str]) -> bool:
        try:
            traced = {name: as_array(grid[name], grid[name])[0] for name in numbers}
            _check_score(jax.eval_shape(_bound(run, outside), key, traced, sets)[1], score)
        except Exception:
            if numbers:  # a shape, a branch, a check: whatever needs the value itself
                return False
            raise
        return True

    return accepts


def _bound(run: Run, outside: Setting) -> Callable:
    """`bound(key, numbers, sets)`: a run with its Python values, which its errors name."""

    def bound(key: jax.Array, numbers: Setting, sets: Any) -> tuple[TrainState, History]:
        try:
            return run(key, *sets, **outside, **numbers)
        except Exception as error:
            error.add_note(f"in grid_search, with {outside}")
            raise

    return bound


def _program(run: Run, outside: Setting, folds: int | None) -> Callable:
    """`program(keys, numbers, sets) -> history`, of every lane and of every fold in it."""
    bound = _bound(run, outside)

    def one(key: jax.Array, numbers: Setting, sets: Any) -> History:
        return bound(key, numbers, sets)[1]

    if folds is not None:
        one = jax.vmap(one, in_axes=(None, None, 0))
    return jax.jit(jax.vmap(one, in_axes=(0, 0, None)))


def _stack(
    grid: Grid, key: jax.Array, inside: list[Setting], repeats: int
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """The key and the numbers of every setting with every repeat, as arrays `[lanes]`."""
    seeds = jnp.tile(jnp.arange(repeats), len(inside))
    keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, seeds)
    return keys, {
        name: jnp.repeat(as_array([setting[name] for setting in inside], grid[name]), repeats)
        for name in inside[0]
    }


def _scores(program: Callable, lanes: Any, sets: Any, chunk: int, score: str) -> np.ndarray:
    """The score of every lane, a chunk at a time, `[lanes]` or `[lanes, folds]`."""
    count = len(lanes[0])
    chunk = min(chunk, count)
    scores = []
    for start in range(0, count, chunk):
        rows = np.minimum(np.arange(start, start + chunk), count - 1)  # one shape, one program
        scores.append(_last(jax.device_get(program(*datasets.take(lanes, rows), sets)), score))
    return np.concatenate(scores)[:count]


def _check_score(history: History, score: str) -> None:
    if score not in history.curves:
        raise ValueError(
            f"no curve {score!r} to rank by: there are {sorted(history.curves)}; validation curves "
            "need validation data or folds"
        )


def _last(history: History, score: str) -> np.ndarray:
    """The last value of the curve, `[..., epochs]` to `[...]`; NaN where a run did not end well."""
    end = np.maximum(history.epochs - 1, 0)[..., None]
    last = np.take_along_axis(history.curves[score], end, axis=-1)[..., 0].astype(float)
    return np.where((history.failed_step >= 0) | (history.epochs == 0), np.nan, last)
