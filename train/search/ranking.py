"""Train every setting of a grid in as few compiled programs as possible, and rank them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from .. import data as datasets
from .._checks import check_sets, positive
from .._types import Data
from ..curves import History
from .folds import folded
from .grid import Accepts, Grid, Setting, as_array, listed, product, programs_of
from .result import Search
from .row import Row
from .trials import Run, Sets, bound, make_program, replayer, scores_of, stack


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
    """Train every setting of a grid, and rank them.

    Settings that differ only in numbers inside the program (learning rate, penalty weight, dropout
    rate, a seed) are one compiled program, batched with `vmap` together with repeats and folds;
    what decides a shape or a branch (width, batch size, an optimizer's name) is a program of its
    own. The search finds out which is which by tracing: a value that the run cannot take as a
    traced number stays a Python value.

    Batching changes the rounding, so scores differ in their last digits from `replay`'s, and in
    more of them after a long or a wild training, which amplifies what is small.

    Args:
        run: `run(key, train_data, validation, **setting) -> (train_state, history)`, a pure
            function; inside it, `make_run` with the setting's optimizer and objective.
        grid: The values of every hyper-parameter, by the name of the run's argument.
        train_data: Arrays `(x, y)`, `[rows, ...]`.
        validation: Arrays `(x, y)`; not with `folds`.
        key: All randomness. Repeat r runs with `jax.random.fold_in(key, r)`, the same for every
            setting.
        folds: Cross-validate: the shuffled rows are cut into so many parts of one size, each is the
            validation data once while the others train. Rows left over always train.
        repeats: Runs of every setting, each with its own key.
        score: The curve whose last value ranks.
        maximize: Whether more is better.
        chunk: How many runs one call holds in memory; if a setting has more folds than that, all
            folds of one. All share one copy of the data, or one for each fold.

    Returns:
        The ranked settings with mean and standard error; one that diverged is a row at the end.

    Raises:
        ValueError: If the grid is empty, if folds do not fit the data, or if the run has no such
            curve as `score`, such as a validation curve without validation data.
        TypeError: If the run does not take a name of the grid.

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
    repeats, chunk = positive("repeats", repeats), positive("chunk", chunk)
    folds = None if folds is None else positive("folds", folds)
    grid = {name: listed(name, values) for name, values in grid.items()}
    _check(run, grid, train_data, validation, folds)
    data = train_data, validation
    sets = data if folds is None else folded(key, train_data, folds)
    data, sets = jax.tree.map(jnp.asarray, (data, sets))
    one = sets if folds is None else _first_fold(sets)
    programs = programs_of(grid, _prober(run, grid, key, one, score))
    rows = []
    for plan in programs:
        settings = product({name: grid[name] for name in plan.numbers})
        lanes = stack(grid, settings, repeats)
        program = make_program(run, plan.fixed, folds)
        calls = max(chunk // (folds or 1), 1)
        scores = scores_of(program, key, lanes, sets, chunk=calls, score=score)
        for numbers, values in zip(
            settings, scores.reshape(len(settings), repeats, -1), strict=True
        ):
            setting = plan.fixed | numbers
            rows.append(Row.of({name: setting[name] for name in grid}, values))
    rows.sort(key=lambda row: (row.diverged, -row.mean if maximize else row.mean))
    run_alone = replayer(run, grid, key, data, programs)
    return Search(rows=tuple(rows), score=score, run_alone=run_alone)


def _check(
    run: Run, grid: Grid, train_data: Data, validation: Data | None, folds: int | None
) -> None:
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


def _first_fold(sets: Sets) -> Sets:
    """Return the shapes of the first fold's data, which is all that tracing needs."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), sets)


def _prober(run: Run, grid: Grid, key: jax.Array, sets: Sets, score: str) -> Accepts:
    """Make `accepts(fixed, numbers)`: whether the run can be traced with these numbers, and ranked.

    An error without any traced number is the run's own, and is raised.
    """

    def accepts(fixed: Setting, numbers: Sequence[str]) -> bool:
        try:
            traced = {name: as_array(grid[name], grid[name])[0] for name in numbers}
            _check_score(jax.eval_shape(bound(run, fixed), key, traced, sets)[1], score)
        except Exception:
            if numbers:  # a shape, a branch or a check needs the value itself
                return False
            raise
        return True

    return accepts


def _check_score(history: History, score: str) -> None:
    if score not in history.curves:
        raise ValueError(
            f"no curve {score!r} to rank by: there are {sorted(history.curves)}; validation curves "
            "need validation data or folds"
        )
