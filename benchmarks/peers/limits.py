"""How fast a training by hand can be: the rows that the others are compared with as a limit.

All three train the hand-written network with Adam, on data that lie on the device, and wait for
nothing before the end of a call. Each does more within one call of the device than the one before.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .handwritten import PEER as HANDWRITTEN
from .peer import Peer, Trainer
from .task import Task

#: Passes over the data in one call of the longer scan.
_EPOCHS = 16

#: Parameters, batch statistics, moments, key and number of the step.
_Carry = tuple[Any, Any, Any, jax.Array, jax.Array]


def _training(task: Task) -> tuple[Callable[..., tuple[_Carry, jax.Array]], _Carry]:
    """Return a step of Adam, `update(carry, x, y) -> (carry, loss)`, and the first carry."""
    if HANDWRITTEN.model is None:
        raise ValueError(f"{HANDWRITTEN.name} has no network")
    model, optimizer = HANDWRITTEN.model(task), optax.adam(task.learning_rate)

    def update(carry: _Carry, x: jax.Array, y: jax.Array) -> tuple[_Carry, jax.Array]:
        params, state, moments, key, count = carry
        (loss, state), gradient = jax.value_and_grad(model.loss, has_aux=True)(
            params, state, jax.random.fold_in(key, count), x, y
        )
        updates, moments = optimizer.update(gradient, moments, params)
        return (optax.apply_updates(params, updates), state, moments, key, count + 1), loss

    # A donated buffer is lost, so each leaf gets one of its own.
    params, state = jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), model[:2])
    moments = optimizer.init(params)
    return update, (params, state, moments, jax.random.key(0), jnp.zeros((), jnp.int32))


def _donated_loop(task: Task) -> Trainer:
    """Return a loop in Python whose step reuses its buffers and is not waited for."""
    update, carry = _training(task)
    step, rng = jax.jit(update, donate_argnums=0), np.random.default_rng(0)

    def epoch() -> jax.Array:
        nonlocal carry
        loss = jnp.zeros(())
        for rows in rng.permutation(len(task.x)).reshape(-1, task.batch):
            carry, loss = step(carry, task.x[rows], task.y[rows])
        return loss

    return Trainer(epoch, epochs=1)


def _scan(task: Task, *, epochs: int) -> Trainer:
    """Return a training whose shuffled passes over the data are one program."""
    update, carry = _training(task)
    data = jnp.asarray(task.x), jnp.asarray(task.y)

    def step(
        data: tuple[jax.Array, jax.Array], carry: _Carry, rows: jax.Array
    ) -> tuple[_Carry, jax.Array]:
        x, y = data
        return update(carry, x[rows], y[rows])

    @partial(jax.jit, donate_argnums=0)
    def passes(carry: _Carry, data: tuple[jax.Array, jax.Array]) -> tuple[_Carry, jax.Array]:
        def epoch(carry: _Carry, _: Any) -> tuple[_Carry, jax.Array]:
            *_, key, count = carry
            order = jax.random.permutation(jax.random.fold_in(key, -1 - count), len(task.x))
            carry, losses = jax.lax.scan(partial(step, data), carry, order.reshape(-1, task.batch))
            return carry, losses[-1]

        carry, losses = jax.lax.scan(epoch, carry, length=epochs)
        return carry, losses[-1]

    def call() -> jax.Array:
        nonlocal carry
        carry, loss = passes(carry, data)
        return loss

    return Trainer(call, epochs=epochs)


PEERS = (
    Peer(name="by hand, donated, no wait", trainer=_donated_loop),
    Peer(name="by hand, scan of an epoch", trainer=partial(_scan, epochs=1)),
    Peer(name=f"by hand, scan of {_EPOCHS} epochs", trainer=partial(_scan, epochs=_EPOCHS)),
)
