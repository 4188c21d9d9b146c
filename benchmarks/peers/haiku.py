"""haiku, which transforms functions that make their parameters as they run into pure ones."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from .loop import jitted_loop
from .peer import EdgeFunctions, Model, Peer, library
from .task import Task


def _model(task: Task) -> Model:
    hk = library("haiku")

    def network(x):
        for size in task.sizes[1:-1]:
            x = hk.Linear(size, with_bias=False)(x)
            x = hk.BatchNorm(True, True, task.momentum, eps=task.eps)(x, is_training=True)
            x = hk.dropout(hk.next_rng_key(), task.rate, jax.nn.relu(x))
        return hk.Linear(task.sizes[-1])(x)

    transformed = hk.transform_with_state(network)
    params, state = transformed.init(jax.random.key(0), jnp.asarray(task.x[:2]))
    names = ["linear", *(f"linear_{i}" for i in range(1, len(task.weights)))]
    for name, weight in zip(names, task.weights, strict=True):
        params[name]["w"] = jnp.asarray(weight)

    def loss(params, state, key, x, y):
        logits, state = transformed.apply(params, state, key, x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), state

    return Model(params, state, loss)


def _batch_norm(batches, x=None):
    hk = library("haiku")

    def layer(x, training):
        return hk.BatchNorm(True, True, 0.99)(x, is_training=training)

    transformed = hk.transform_with_state(layer)
    params, state = transformed.init(jax.random.key(0), batches[0], True)
    y: Any = None
    for batch in batches:
        y, state = transformed.apply(params, state, None, batch, True)
    return y if x is None else transformed.apply(params, state, None, x, False)[0]


def _dropout(rate, x, key):
    hk = library("haiku")
    return hk.dropout(key, rate, x)


PEER = Peer(
    name="haiku",
    packages=("haiku",),
    functions=EdgeFunctions(batch_norm=_batch_norm, dropout=_dropout, sigmoid=jax.nn.sigmoid),
    model=_model,
    trainer=lambda task: jitted_loop(task, _model(task)),
)
