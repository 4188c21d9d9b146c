"""A training loop in Python: what the libraries' guides write around their step."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .peer import Model, Trainer
from .task import Task


def looped(task: Task, step: Callable[[Any, Any], Any]) -> Trainer:
    """One pass a call: shuffled batches, `step(x, y) -> loss`, the loss read after each step."""
    rng = np.random.default_rng(0)

    def epoch():
        loss = 0.0
        for rows in rng.permutation(len(task.x)).reshape(-1, task.batch):
            loss = float(step(task.x[rows], task.y[rows]))
        return loss

    return Trainer(epoch, 1)


def jitted_trainer(task: Task, model: Model) -> Trainer:
    """The loop around a jitted step of adam, written by hand."""
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

    return looped(task, step)
