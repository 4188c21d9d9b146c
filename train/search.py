"""Search over a grid of hyper-parameters, as few compiled programs as there are shapes."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import data as datasets
from ._checks import check_sets
from .history import History
from .loop import positive
from .result import Row, Search
from .run import Data
from .state import TrainState

Setting = dict[str, Any]
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
        chunk: how many runs one call holds in memory.

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
    for name, value in {"repeats": repeats, "chunk": chunk}.items():
        positive(name, value)
    _check(run, grid, train_data, validation, folds)
    parts = None if folds is None else _fold_rows(key, datasets.length(train_data), folds)
    data = jax.tree.map(jnp.asarray, (train_data, validation))

    def lane(key: jax.Array, fold: jax.Array, setting: Setting, data: Any, parts: Any) -> History:
        if parts is not None:
            whole, (rest, part) = data[0], parts
            data = datasets.take(whole, rest[fold]), datasets.take(whole, part[fold])
        return run(key, *data, **setting)[1]

    numbers = _traceable(lane, grid, key, data, parts)
    seeds = [(repeat, fold) for repeat in range(repeats) for fold in range(folds or 1)]
    inside = _product({name: grid[name] for name in numbers})
    rows = []
    for outside in _product({name: grid[name] for name in grid if name not in numbers}):
        lanes = _stack(key, inside, seeds)
        scores = _scores(_program(lane, outside), lanes, data, parts, chunk, score)
        for setting, values in zip(inside, scores.reshape(len(inside), repeats, -1), strict=True):
            merged = outside | setting
            rows.append(Row.of({name: merged[name] for name in grid}, values))
    rows.sort(key=lambda row: (row.diverged, -row.mean if maximize else row.mean))
    return Search(tuple(rows), score, _replayer(run, key, data, numbers))


def _replayer(run: Run, key: jax.Array, data: Any, numbers: Sequence[str]) -> Callable:
    """One run alone, its numbers traced as in the search, or the program might be another."""

    def alone(setting: Setting, repeat: int) -> tuple[TrainState, History]:
        traced = {name: setting[name] for name in numbers}
        program = jax.jit(lambda key, data, traced: run(key, *data, **(setting | traced)))
        return program(jax.random.fold_in(key, repeat), data, traced)

    return alone


def _check(
    run: Run, grid: Mapping[str, Sequence[Any]], train_data: Any, validation: Any, folds: int | None
) -> None:
    if not grid or not all(len(values) for values in grid.values()):
        raise ValueError(f"grid_search needs at least one value of every name, got {dict(grid)}")
    try:
        inspect.signature(run).bind(None, None, None, **dict.fromkeys(grid))
    except TypeError as error:
        raise TypeError(
            f"the run must take (key, train_data, validation, {', '.join(grid)}): {error}"
        ) from None
    check_sets(train_data, validation, batch_size=1)
    if folds is None:
        return
    positive("folds", folds)
    rows = datasets.length(train_data)
    if not 2 <= folds <= rows:
        raise ValueError(f"folds must be between 2 and the {rows} rows, got {folds}")
    if validation is not None:
        raise ValueError("folds make validation data of their own: leave validation= out")


def _fold_rows(key: jax.Array, rows: int, folds: int) -> tuple[jax.Array, jax.Array]:
    """The rows `[folds, ...]` that train, and those that validate, in every fold."""
    order = np.asarray(jax.random.permutation(jax.random.fold_in(key, _FOLDS), rows))
    parts = order[: rows // folds * folds].reshape(folds, -1)
    rests = [np.setdiff1d(order, part, assume_unique=True) for part in parts]
    return jnp.asarray(np.stack(rests)), jnp.asarray(parts)


def _product(grid: Mapping[str, Sequence[Any]]) -> list[Setting]:
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def _traceable(
    lane: Callable, grid: Mapping[str, Sequence[Any]], key: jax.Array, data: Any, parts: Any
) -> list[str]:
    """The names whose values the run takes as traced numbers, found out by trying."""
    first = {name: values[0] for name, values in grid.items()}
    numeric = [name for name in grid if all(_is_number(value) for value in grid[name])]

    def accepts(names: list[str]) -> bool:
        outside = {name: first[name] for name in grid if name not in names}
        try:
            jax.eval_shape(
                lambda key, numbers: lane(key, 0, outside | numbers, data, parts),
                key,
                {name: first[name] for name in names},
            )
        except Exception:  # a shape, a branch, a check: whatever needs the value itself
            return False
        return True

    if accepts(numeric):
        return numeric
    names: list[str] = []
    for name in numeric:
        if accepts([*names, name]):
            names.append(name)
    return names


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _program(lane: Callable, outside: Setting) -> Callable:
    def one(key: jax.Array, fold: jax.Array, numbers: Setting, data: Any, parts: Any) -> History:
        try:
            return lane(key, fold, outside | numbers, data, parts)
        except Exception as error:
            error.add_note(f"in grid_search, with {outside}")
            raise

    return jax.jit(jax.vmap(one, in_axes=(0, 0, 0, None, None)))


def _stack(
    key: jax.Array, inside: list[Setting], seeds: list[tuple[int, int]]
) -> tuple[jax.Array, jax.Array, dict[str, jax.Array]]:
    """Every setting with every repeat and fold, as arrays `[lanes]`."""
    lanes = [(setting, repeat, fold) for setting in inside for repeat, fold in seeds]
    repeats = jnp.array([repeat for _, repeat, _ in lanes])
    keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, repeats)
    folds = jnp.array([fold for _, _, fold in lanes])
    names = inside[0]
    return keys, folds, {name: jnp.array([lane[0][name] for lane in lanes]) for name in names}


def _scores(
    program: Callable, lanes: Any, data: Any, parts: Any, chunk: int, score: str
) -> np.ndarray:
    """The score of every lane, `[lanes]`, a chunk at a time; NaN where a run did not end well."""
    count = len(lanes[0])
    chunk = min(chunk, count)
    scores = []
    for start in range(0, count, chunk):
        rows = np.minimum(np.arange(start, start + chunk), count - 1)  # one shape, one program
        history = jax.device_get(program(*datasets.take(lanes, rows), data, parts))
        scores += [_last(history, i, score) for i in range(min(chunk, count - start))]
    return np.array(scores)


def _last(history: History, lane: int, score: str) -> float:
    curve = jax.tree.map(lambda leaf: leaf[lane], history)
    if score not in curve.curves:
        raise ValueError(f"no curve {score!r} to rank by: there are {sorted(curve.curves)}")
    if curve.failed_step >= 0 or curve.epochs == 0:
        return float("nan")
    return float(curve[score][-1])
