"""A training loop in Python, as the libraries' guides write it around their step."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .peer import Model, Trainer
from .task import Task


def python_loop(task: Task, step: Callable[[Any, Any], Any]) -> Trainer:
    """Return a training that calls `step(x, y) -> loss` on shuffled batches, and waits for each.

    Example:
        >>> from benchmarks.peers.task import make_task
        >>> task = make_task((8, 4, 3), rate=0.1, batch=5)
        >>> python_loop(task, lambda x, y: len(x) / 10).call()  # the last loss of a pass
        0.5
    """
    rng = np.random.default_rng(0)

    def epoch():
        loss = 0.0
        for rows in rng.permutation(len(task.x)).reshape(-1, task.batch):
            loss = float(step(task.x[rows], task.y[rows]))
        return loss

    return Trainer(epoch, epochs=1)


def jitted_loop(task: Task, model: Model) -> Trainer:
    """Return a training that calls a jitted step of Adam on `model`, written by hand."""
    optimizer = optax.adam(task.learning_rate)

    @jax.jit
    def update(carry, x, y):
        params, state, moments, key, count = carry
        (loss, state), gradient = jax.value_and_grad(model.loss, has_aux=True)(
            params, state, jax.random.fold_in(key, count), x, y
        )
        updates, moments = optimizer.update(gradient, moments, params)
        return loss, (optax.apply_updates(params, updates), state, moments, key, count + 1)

    params, state = jax.tree.map(jnp.asarray, (model.params, model.state))
    carry = params, state, optimizer.init(params), jax.random.key(0), jnp.zeros((), jnp.int32)

    def step(x, y):
        nonlocal carry
        loss, carry = update(carry, x, y)
        return loss

    return python_loop(task, step)
