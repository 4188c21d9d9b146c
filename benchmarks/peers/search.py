"""What a search over a grid of settings costs, over the same trainings one by one."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import optax

from gradwise import losses, nn, train

from ..instrument.samples import Samples
from ..instrument.statistics import ratio
from ..instrument.timing import interleave, run_once
from .result import Timing
from .timings import OnProgress, as_samples
from .training import digits_task

_Grid = Mapping[str, Sequence[float]]
_Setting = dict[str, float]
#: Ways to train every setting of a grid, by name; the first one is the base of the ratios.
_Ways = dict[str, Callable[[], Any]]

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
    """Time the trainings of a grid on the digits: learning rates times weights of the L2 penalty.

    Two comparisons. With all compiling: `train.grid_search`, over a compiled program for each
    setting. Without any: one batched program, over calls of one program that takes the setting as
    numbers.

    Args:
        sizes: The layers of the network.
        epochs: Passes over the data in each training.
        grid: The learning rates and the weights, 16 settings by default.
        turns: How often everything is compiled anew, the two ways in turn.
        budget: Seconds of timing the compiled programs.
        on_progress: Told what is being done, and the share of it that is done.

    Returns:
        A timing for each of the four ways; the first of a comparison is the base of its ratios.
    """
    key, task = jax.random.key(0), digits_task()
    run = _training(sizes, epochs, task.batch)
    data = jnp.asarray(task.x), jnp.asarray(task.y)
    settings = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    compiling: _Ways = {
        "a program each": lambda: [_program_of(run, setting)(key, data) for setting in settings],
        "grid_search": lambda: train.grid_search(run, grid, data, key=key, score="train_loss"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in compiling}
    for turn in range(turns):
        for index, (name, call) in enumerate(compiling.items()):
            on_progress(f"searching: {name}", (turn + index / 2) / turns / 2)
            seconds[name].append(run_once(call)[0])
    samples, _ = interleave(
        _compiled_ways(run, settings, key, data),
        budget=budget,
        on_round=lambda share: on_progress("measuring searches", (1 + share) / 2),
    )
    return *_timings({name: as_samples(each) for name, each in seconds.items()}), *_timings(samples)


def _training(sizes: tuple[int, ...], epochs: int, batch: int) -> Callable[..., Any]:
    """Return the run of a training as `train.grid_search` takes it, without dropout."""
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


def _program_of(run: Callable[..., Any], setting: _Setting) -> Callable[..., Any]:
    """Return a program of its own for a setting, which is a constant in it."""
    return jax.jit(lambda key, data: run(key, data, None, **setting)[1])


def _compiled_ways(
    run: Callable[..., Any], settings: Sequence[_Setting], key: jax.Array, data: Any
) -> _Ways:
    """Compile two programs that take settings as numbers: one setting a call, and all at once."""
    numbers = [jax.tree.map(jnp.asarray, setting) for setting in settings]
    stacked = jax.tree.map(lambda *values: jnp.stack(values), *numbers)

    def history(key: jax.Array, setting: dict[str, jax.Array], data: Any) -> Any:
        return run(key, data, None, **setting)[1]

    one = jax.jit(history).lower(key, numbers[0], data).compile()
    every = jax.vmap(history, in_axes=(None, 0, None))
    batch = jax.jit(every).lower(key, stacked, data).compile()
    return {
        "one program, a call each": lambda: [one(key, setting, data) for setting in numbers],
        "one program, one batch": lambda: batch(key, stacked, data),
    }


def _timings(samples: dict[str, Samples]) -> list[Timing]:
    """Return a timing for each way, its ratio over the first one."""
    base = next(iter(samples.values()))
    return [
        Timing(name=name, seconds=taken.seconds, ratio=ratio(taken, base))
        for name, taken in samples.items()
    ]
