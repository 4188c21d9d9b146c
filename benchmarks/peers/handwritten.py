"""Plain JAX written by hand, the base of every ratio."""

from typing import Any

import jax
import jax.numpy as jnp

from .loop import jitted_loop
from .peer import Model, Peer
from .task import Task


def _model(task: Task) -> Model:
    hidden = [
        {"w": jnp.asarray(w), "gamma": jnp.ones(w.shape[1]), "beta": jnp.zeros(w.shape[1])}
        for w in task.weights[:-1]
    ]
    last = {"w": jnp.asarray(task.weights[-1]), "b": jnp.zeros(task.sizes[-1])}
    state = [{"mean": jnp.zeros(size), "var": jnp.ones(size)} for size in task.sizes[1:-1]]

    def loss(params, state, key, x, y):
        *layers, last = params
        keys = jax.random.split(key, len(layers))
        new_state = []
        for layer, running, subkey in zip(layers, state, keys, strict=True):
            x, running = _batch_norm(task, layer, running, x @ layer["w"])
            x = _dropout(task.rate, subkey, jnp.maximum(x, 0))
            new_state.append(running)
        logits = x @ last["w"] + last["b"]
        log_likelihood = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1)
        return -log_likelihood.mean(), new_state

    return Model([*hidden, last], state, loss)


def _batch_norm(task: Task, layer: Any, running: Any, x: jax.Array) -> tuple[jax.Array, Any]:
    """Return the normalized batch and the new running statistics."""
    old, new = task.momentum, 1 - task.momentum
    mean = x.mean(axis=0)
    var = (x**2).mean(axis=0) - mean**2
    running = {
        "mean": old * running["mean"] + new * mean,
        "var": old * running["var"] + new * var,
    }
    x = (x - mean) * jax.lax.rsqrt(var + task.eps) * layer["gamma"] + layer["beta"]
    return x, running


def _dropout(rate: float, key: jax.Array, x: jax.Array) -> jax.Array:
    if not rate:
        return x
    survives = jax.random.bernoulli(key, 1 - rate, x.shape)
    return jnp.where(survives, x / (1 - rate), 0)


PEER = Peer(
    name="hand-written JAX", model=_model, trainer=lambda task: jitted_loop(task, _model(task))
)
