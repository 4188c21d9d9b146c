"""What one training step costs in each library: loss, gradient and new batch statistics.

A library is timed only if, on a small task without dropout, its network has the loss and the
gradient of the hand-written one.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import jax
import numpy as np

from ..instrument.compile import Compiled, compile_for
from ..instrument.timing import interleave
from .handwritten import PEER as BASE
from .peer import Model, Peer
from .result import Timing
from .task import Task, make_task
from .timings import OnProgress, as_samples, build_all, in_one_line, timings_of

_SMALL = make_task((7, 6, 5, 4), rate=0.0, batch=8)


def step_timings(
    peers: Sequence[Peer],
    task: Task,
    *,
    budget: float,
    turns: int = 3,
    on_progress: OnProgress = lambda text, share: None,
) -> tuple[Timing, ...]:
    """Time the compilation and the run of a training step in each library.

    Args:
        peers: The libraries.
        task: The network and its batch.
        budget: Seconds of timing, all libraries together.
        turns: How often each step is compiled; in each turn every library compiles once.
        on_progress: Told what is being done, and the share of it that is done.

    Returns:
        A timing for each peer, its ratios over the hand-written step.

    Example:
        >>> torch = Peer(name="PyTorch", packages=("no_such_library",))
        >>> step_timings([torch], _SMALL, budget=0.1)
        (Timing(PyTorch: not installed: no_such_library),)
    """
    compiled: dict[str, list[Compiled]] = {}
    models, notes = build_all(peers, _verified_builder(task))
    for turn in range(turns):
        for index, (name, model) in enumerate(models.items()):
            on_progress(f"compiling {name}", (turn + index / len(models)) / turns / 2)
            compiled.setdefault(name, []).append(_compile(model, task))
    samples, errors = interleave(
        {name: programs[-1].call for name, programs in compiled.items()},
        budget=budget,
        on_round=lambda share: on_progress("measuring steps", (1 + share) / 2),
    )
    notes |= {name: in_one_line(error) for name, error in errors.items()}
    compilations = {
        name: as_samples([program.total_seconds for program in programs])
        for name, programs in compiled.items()
    }
    return timings_of(peers, notes, samples, compilations)


def _verified_builder(task: Task) -> Callable[[Peer], Model]:
    """Return a function that builds a peer's network and compares it with the hand-written one.

    It raises `ValueError` if the peer has no network, or another one.
    """

    @cache
    def loss_and_squares(model: Callable[[Task], Model]) -> tuple[float, float]:
        return _loss_and_squares(model(_SMALL))

    def build(peer: Peer) -> Model:
        if peer.model is None or BASE.model is None:
            raise ValueError("has no network")
        actual, expected = loss_and_squares(peer.model), loss_and_squares(BASE.model)
        if not np.allclose(actual, expected, rtol=1e-4):
            raise ValueError(f"another network: loss and gradient are {actual}, not {expected}")
        return peer.model(task)

    return build


def _loss_and_squares(model: Model) -> tuple[float, float]:
    """Return the loss and the sum of the gradient's squares, whatever the leaves are called."""
    loss, gradient, _ = jax.jit(_step(model))(*_arguments(model, _SMALL))
    squares = sum(float((leaf**2).sum()) for leaf in jax.tree.leaves(gradient))
    return float(loss), squares


def _step(model: Model) -> Callable[..., tuple[Any, Any, Any]]:
    """Return the training step as a new function, so that JAX traces it anew."""

    def step(params, state, key, x, y):
        value_and_gradient = jax.value_and_grad(model.loss, has_aux=True)
        (loss, state), gradient = value_and_gradient(params, state, key, x, y)
        return loss, gradient, state

    return step


def _arguments(model: Model, task: Task) -> tuple[Any, ...]:
    x, y = task.x[: task.batch], task.y[: task.batch]
    return jax.device_put((model.params, model.state, jax.random.key(0), x, y))


def _compile(model: Model, task: Task) -> Compiled:
    return compile_for(_step(model), _arguments(model, task))
