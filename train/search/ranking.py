"""Train every setting of a grid in as few compiled programs as possible, and rank them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

import jax
import numpy as np
from numpy.typing import ArrayLike

from .. import data as datasets
from .._checks import check_key, positive
from .._text import excerpt
from .._types import Data, Device
from ..curves import History
from ..data.accepted import data_sets
from .devices import devices_of, platform_of
from .grid import Build, Grid, Program, Setting, as_array, listed, product, programs_of
from .result import Search
from .row import Row
from .scoring import Mode, Score, curve_of, measured, name_of
from .trials import Run, Sets, Trial, Trials, bound, in_batches, one_by_one, replayer, run_key


def grid_search(
    run: Run,
    grid: Mapping[str, Sequence[Any]],
    train_data: Data,
    validation: Data | None = None,
    *,
    key: jax.Array,
    folds: int | None = None,
    stratify: ArrayLike | None = None,
    repeats: int = 1,
    score: Score = "validation_loss",
    mode: Mode = "min",
    chunk: int | None = None,
    devices: Sequence[Device] | None = None,
) -> Search:
    """Train every setting of a grid, and rank them.

    Settings that differ only in numbers inside the program (learning rate, penalty weight, dropout
    rate, a seed) share one compiled program; what decides a shape or a branch (width, batch size,
    an optimizer's name) is a program of its own. The search finds out which is which by tracing: a
    value that the run cannot take as a traced number stays a Python value.

    A run is ranked by what it keeps: with `make_run(keep_best=True)` by its best epoch, else by its
    last one (`history.kept_epoch`). A run that was not finite, or has no finite score, makes its
    row a failed one; so does an error in the run, if another setting has none. Failed rows come
    last, and `row.failure` says why.

    Args:
        run: `run(key, train_data, validation, **setting) -> (train_state, history)`, a pure
            function; inside it, `make_run` with the setting's optimizer and objective.
        grid: The values of every hyper-parameter, by the name of the run's argument.
        train_data: Arrays `(x, y)`, `[rows, ...]`.
        validation: Arrays `(x, y)`; not with `folds`.
        key: All randomness, the same for every setting. Repeat r runs with
            `jax.random.fold_in(key, r)`, and its folds with their numbers folded into that.
        folds: Cross-validate: the shuffled rows are cut into so many parts of one size, each is the
            validation data once while the others train. Rows left over always train. Each repeat
            shuffles anew, for all settings alike.
        stratify: Labels `[rows]`, numbers or texts, such as the classes in `y`: two folds differ by
            at most one row of each label, see `train.data.folds`.
        repeats: Runs of every setting, or cross-validations, each with its own key.
        score: What ranks: a curve's or a metric's name, the metric's over the validation data; or
            `score(history) -> number`, a function of one run's history.
        mode: Whether the least score is the best, "min", or the highest, "max".
        chunk: How many runs one call makes at a time; if a setting has more folds than that, all
            folds of one. More than 1 batches them with `vmap`, and all share one copy of the data,
            or one for each fold. That takes 1.6 times as long to compile, and changes the rounding:
            scores then differ in their last digits from `replay`'s, and in more of them after a
            long or a wild training, which amplifies what is small. None: 1 on a CPU, where a batch
            of trainings takes as long as one after the other, else 64.
        devices: Over which the settings are spread: each device makes `chunk` runs of a call, of
            one program, and nothing is sent. None: the devices of the mesh that all of the data are
            on, else the local accelerators; those of a CPU, which share its cores, only if they
            are given. Data whose rows are spread over a mesh keep all devices at one run.

    Returns:
        The ranked settings, each with the mean of its scores and its standard error.

    Raises:
        ValueError: If the grid is empty, if folds do not fit the data, if there are labels to
            stratify by and no folds, or if no run has such a curve as `score`, such as a validation
            curve without validation data.
        TypeError: If the run does not take a name of the grid.
        Exception: If the run raises for every setting: what it raised first.

    Example:
        >>> import jax, jax.numpy as jnp, optax
        >>> from gradwise import train
        >>> from gradwise.train.metrics import mean
        >>> def objective(params, state, batch, *, key=None, train=False):
        ...     error = mean((batch.x * params - batch.y) ** 2, where=batch.mask)
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
    repeats = positive("repeats", repeats)
    folds = None if folds is None else positive("folds", folds)
    chunk = None if chunk is None else positive("chunk", chunk)
    if not callable(run) or not isinstance(grid, Mapping):
        got = f"{type(run).__name__} and {type(grid).__name__}"
        raise TypeError(f"grid_search needs run, a function, and grid, a mapping, got {got}")
    grid = {name: listed(name, values) for name, values in grid.items()}
    data = _checked(key, run, grid, train_data, validation, folds)
    if stratify is not None and folds is None:
        raise ValueError("stratify needs folds=, how many parts the rows are cut into by label")
    _check_ranking(score, mode)
    spread = devices_of(data, devices)
    trials = Trials(
        grid=grid, key=key, data=data, repeats=repeats, folds=folds, stratify=stratify,
        devices=spread,
    )  # fmt: skip
    chunk = chunk or _default_chunk(spread[0].platform if spread else platform_of(data))
    programs = programs_of(grid, _builder(run, trials, score))
    results = [_rows(trials, program, score, chunk) for program in programs]
    rows = [row for of_program, _ in results for row in of_program]
    errors = [error for _, error in results if error is not None]
    if len(errors) == len(programs) and all(row.failed for row in rows):
        raise errors[0]
    rows.sort(key=lambda row: (row.failed, -row.mean if mode == "max" else row.mean))
    return Search(rows=tuple(rows), score=name_of(score), run_alone=replayer(trials, programs))


def _default_chunk(platform: str) -> int:
    """Return how many runs a call makes on a platform where nobody has said so."""
    return 1 if platform == "cpu" else 64


def _rows(
    trials: Trials, program: Program, score: Score, chunk: int
) -> tuple[list[Row], Exception | None]:
    """Return a row for each setting of a program, and the error that ended its runs, if any."""
    grid = trials.grid
    settings = product({name: grid[name] for name in program.numbers})
    scores = np.full((len(settings), trials.repeats, trials.folds or 1), np.nan)
    failures: list[list[str]] = [[] for _ in settings]
    error = program.error
    try:  # a run may need more memory than there is, and a user's score may raise
        for setting, repeat, fold, history in _runs(trials, program, settings, chunk):
            scores[setting, repeat, fold], failure = measured(history, score)
            failures[setting] += [failure] if failure else []
    except Exception as raised:
        error = raised
    rows = []
    for numbers, values, told in zip(settings, scores, failures, strict=True):
        missing = int(np.isnan(values).sum())
        if error is not None and missing > len(told):
            told.append(f"{type(error).__name__}: {error}")
        of = f"{missing} of {values.size} runs: " if values.size > 1 else ""
        setting = program.fixed | numbers
        ordered = {name: setting[name] for name in grid}
        rows.append(Row.of(ordered, values, failure=of + told[0] if told else ""))
    return rows, error


def _runs(
    trials: Trials, program: Program, settings: Sequence[Setting], chunk: int
) -> Iterator[Trial]:
    if program.error is not None:
        return iter(())
    if chunk == 1 and len(trials.devices) < 2:
        return one_by_one(trials, program, settings)
    return in_batches(trials, program, settings, chunk)


def _checked(
    key: jax.Array,
    run: Run,
    grid: Grid,
    train_data: Data,
    validation: Data | None,
    folds: int | None,
) -> Sets:
    """Return the data as arrays, once they and the run are checked."""
    if not grid:
        raise ValueError("grid_search needs at least one value of one name, got an empty grid")
    try:
        inspect.signature(run).bind(None, None, None, **dict.fromkeys(grid))
    except TypeError as error:
        raise TypeError(
            f"the run must take (key, train_data, validation, {', '.join(grid)}): {error}"
        ) from None
    check_key(key)
    sets = data_sets(train_data, validation, batch_size=1)
    if folds is None:
        return sets
    rows = datasets.length(sets[0])
    if not 2 <= folds <= rows:
        raise ValueError(f"folds must be between 2 and the {rows} rows, got {folds}")
    if validation is not None:
        raise ValueError("folds make validation data of their own: leave validation= out")
    return sets


def _check_ranking(score: Score, mode: Mode) -> None:
    if not isinstance(score, str) and not callable(score):
        raise TypeError(
            "score must be the name of a curve or of a metric, or a function of the history, got "
            f"{score!r}"
        )
    if mode not in get_args(Mode):
        raise ValueError(f'mode must be "min" or "max", got {mode!r}')


def _builder(run: Run, trials: Trials, score: Score) -> Build:
    """Make `build(fixed, numbers)`: the run as a program that takes these numbers.

    The program is traced, which needs no values, and its score is looked for. When it is called,
    it is not traced again.
    """
    grid, key, sets = trials.grid, run_key(trials.key, 0), trials.fold(0, 0)

    def build(fixed: Setting, numbers: Sequence[str]) -> Program | None:
        program = Program(fixed=fixed, numbers=tuple(numbers), run=jax.jit(bound(run, fixed)))
        traced = {name: as_array(grid[name], grid[name])[0] for name in numbers}
        try:
            _check_history(jax.eval_shape(program.run, key, traced, sets), score)
        except Exception as error:
            # With numbers it may be that a shape, a branch or a check needs a value itself.
            return None if numbers else replace(program, error=error)
        return program

    return build


def _check_history(returned: object, score: Score) -> None:
    got, history, what = returned, None, ""
    if isinstance(returned, tuple) and len(returned) == 2:
        got, history, what = returned[1], returned[1], " for the history"
    if not isinstance(history, History):
        raise TypeError(
            f"the run must return (train_state, history), got {excerpt(repr(got))}{what}: return "
            "what the function that train.make_run makes returns"
        )
    if isinstance(score, str):
        curve_of(history, score)
