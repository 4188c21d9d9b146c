"""What a search over a grid of settings costs, beside the same trainings one by one."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gradwise import losses, nn, train

from ..instrument.samples import Samples
from ..instrument.statistics import ratio
from ..instrument.timing import interleave, run_once
from .result import Timing
from .rows import OnProgress, as_samples
from .training import digits_task

_Grid = Mapping[str, Sequence[float]]
_GRID: _Grid = MappingProxyType(
    {"learning_rate": (0.001, 0.002, 0.004, 0.008), "weight": (0.0, 1e-5, 1e-4, 1e-3)}
)


def search_timings(
    *,
    sizes: tuple[int, ...] = (64, 32, 10),
    epochs: int = 5,
    grid: _Grid = _GRID,
    turns: int = 3,
    budget: float = 10.0,
    on_progress: OnProgress = lambda text, share: None,
) -> tuple[Timing, ...]:
    """Seconds of trainings on the digits: learning rates times weights of the l2 penalty.

    Once with all compiling, as `train.grid_search` against a compiled run for each setting; and
    once without, as one batched program against calls of one that takes the settings as numbers.

    Args:
        sizes: The layers of the network.
        epochs: Passes over the data in each training.
        grid: The learning rates and the weights, 16 settings by default.
        turns: How often everything is compiled anew, the two ways after one another.
        budget: Seconds of timing the compiled programs.
        on_progress: Told what is being done, and the share of it that is.
    """
    key, task = jax.random.key(0), digits_task()
    run = _training(sizes, epochs, task.batch)
    data = jnp.asarray(task.x), jnp.asarray(task.y)
    settings = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    with_compiling: dict[str, Callable[[], Any]] = {
        "a program each": lambda: [_alone(run, setting)(key, data) for setting in settings],
        "grid_search": lambda: _searched(run, grid, key, data),
    }
    taken: dict[str, list[float]] = {}
    for turn in range(turns):
        for index, (name, call) in enumerate(with_compiling.items()):
            on_progress(f"searching: {name}", (turn + index / 2) / turns / 2)
            taken.setdefault(name, []).append(run_once(call)[0])
    compiled, _ = interleave(
        _compiled(run, settings, key, data),
        budget=budget,
        on_round=lambda share: on_progress("measuring searches", (1 + share) / 2),
    )
    return _rows({name: as_samples(seconds) for name, seconds in taken.items()}) + _rows(compiled)


def _training(sizes: tuple[int, ...], epochs: int, batch: int) -> Callable[..., Any]:
    model = nn.mlp(sizes)
    params, state = jax.jit(model.init)(jax.random.key(0))

    def run(key: jax.Array, data: Any, validation: Any, *, learning_rate: Any, weight: Any) -> Any:
        optimizer = optax.adam(learning_rate)
        objective = train.supervised(
            model.apply,
            losses.softmax_cross_entropy_with_integer_labels,
            penalty=lambda params: weight * losses.l2(params),
        )
        go = train.make_run(objective, optimizer, epochs=epochs, batch_size=batch)
        return go(key, train.init(params, state, optimizer), data, validation)

    return run


def _alone(run: Callable[..., Any], setting: dict[str, float]) -> Callable[..., Any]:
    """A program of its own, in which the setting is a constant."""
    return jax.jit(lambda key, data: run(key, data, None, **setting)[1])


def _searched(run: Callable[..., Any], grid: _Grid, key: jax.Array, data: Any) -> list[float]:
    found = train.grid_search(run, grid, data, key=key, score="train_loss")
    return [row.mean for row in found.rows]


def _compiled(
    run: Callable[..., Any], settings: Sequence[dict[str, float]], key: jax.Array, data: Any
) -> dict[str, Callable[[], Any]]:
    """Both ways, compiled: the settings are numbers that come from outside."""
    numbers = [jax.tree.map(jnp.asarray, setting) for setting in settings]
    stacked = jax.tree.map(lambda *values: jnp.stack(values), *numbers)

    def lane(key: jax.Array, setting: dict[str, jax.Array], data: Any) -> Any:
        return run(key, data, None, **setting)[1]

    one = jax.jit(lane).lower(key, numbers[0], data).compile()
    batch = jax.jit(jax.vmap(lane, in_axes=(None, 0, None))).lower(key, stacked, data).compile()
    return {
        "one program, a call each": lambda: [one(key, setting, data) for setting in numbers],
        "one program, one batch": lambda: batch(key, stacked, data),
    }


def _rows(samples: dict[str, Samples]) -> tuple[Timing, ...]:
    """A row for each way, beside the first one."""
    base = next(iter(samples.values()))
    return tuple(
        Timing(name, "", float(np.median(taken.wall)), ratio(taken, base))
        for name, taken in samples.items()
    )
