"""What one step costs in each library: loss, gradient and new batch statistics.

A library's network is first held against the hand-written one on a small task without dropout: it
is timed only if it gives the same loss and the same gradient.
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
from .rows import OnProgress, as_samples, build_all, timing_rows, told
from .task import Task, make_task

_SMALL = make_task((7, 6, 5, 4), rate=0.0, batch=8)


def step_timings(
    peers: Sequence[Peer],
    task: Task,
    *,
    budget: float,
    turns: int = 3,
    on_progress: OnProgress = lambda text, share: None,
) -> tuple[Timing, ...]:
    """Compile time and run time of a step by library, beside the hand-written one's.

    Args:
        peers: What to time.
        task: The network and its batch.
        budget: Seconds of timing, all libraries together.
        turns: How often each is compiled, one library after the other in each turn.
        on_progress: Told what is being done, and the share of it that is.
    """
    compiled: dict[str, list[Compiled]] = {}
    models, notes = build_all(peers, _checker(task))
    for turn in range(turns):
        for index, (name, model) in enumerate(models.items()):
            on_progress(f"compiling {name}", (turn + index / len(models)) / turns / 2)
            compiled.setdefault(name, []).append(_compile(model, task))
    samples, failed = interleave(
        {name: programs[-1].call for name, programs in compiled.items()},
        budget=budget,
        on_round=lambda share: on_progress("measuring steps", (1 + share) / 2),
    )
    notes |= {name: told(error) for name, error in failed.items()}
    compilations = {
        name: as_samples([program.total_seconds for program in programs])
        for name, programs in compiled.items()
    }
    return timing_rows(peers, notes, samples, compilations)


def _checker(task: Task) -> Callable[[Peer], Model]:
    """Builds a peer's network, and raises `ValueError` if it is not the hand-written one."""

    @cache
    def size(model: Callable[[Task], Model]) -> tuple[float, float]:
        return _loss_and_size(model(_SMALL))

    def build(peer: Peer) -> Model:
        if peer.model is None or BASE.model is None:
            raise ValueError("has no network")
        found, wanted = size(peer.model), size(BASE.model)
        if not np.allclose(found, wanted, rtol=1e-4):
            raise ValueError(f"another network: loss and gradient are {found}, not {wanted}")
        return peer.model(task)

    return build


def _loss_and_size(model: Model) -> tuple[float, float]:
    """The loss and the gradient's sum of squares, which does not depend on how leaves are named."""
    loss, gradient, _ = jax.jit(_step(model))(*_arguments(model, _SMALL))
    squares = sum(float((leaf**2).sum()) for leaf in jax.tree.leaves(gradient))
    return float(loss), squares


def _step(model: Model):
    """A new function each time, so that it is traced anew each time."""

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
