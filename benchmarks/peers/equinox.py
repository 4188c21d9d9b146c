"""equinox, in which a model is a pytree and its batch statistics a separate state."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from .loop import python_loop
from .peer import EdgeFunctions, Model, Peer, Trainer, library
from .task import Task


def _network(task: Task) -> tuple[Any, Any]:
    """Return the model with the task's weights, and its state."""
    eqx = library("equinox")

    class Network(eqx.Module):
        dense: list
        norm: list
        dropout: Any

        def __init__(self):
            self.dense = [
                eqx.nn.Linear(*w.shape, use_bias=w is task.weights[-1], key=jax.random.key(0))
                for w in task.weights
            ]
            self.norm = [
                eqx.nn.BatchNorm(size, "batch", momentum=task.momentum, eps=task.eps, mode="batch")
                for size in task.sizes[1:-1]
            ]
            self.dropout = eqx.nn.Dropout(task.rate)

        def __call__(self, x, state, key):
            keys = jax.random.split(key, len(self.norm))
            for dense, norm, subkey in zip(self.dense, self.norm, keys, strict=False):
                x, state = norm(dense(x), state)
                x = self.dropout(jax.nn.relu(x), key=subkey)
            return self.dense[-1](x), state

    model, state = eqx.nn.make_with_state(Network)()
    weights = [jnp.asarray(w.T) for w in task.weights]
    model = eqx.tree_at(lambda m: [dense.weight for dense in m.dense], model, weights)
    return eqx.tree_at(lambda m: m.dense[-1].bias, model, jnp.zeros(task.sizes[-1])), state


def _mean_loss(model, state, key, x, y):
    keys = jax.random.split(key, len(x))
    batched = jax.vmap(model, axis_name="batch", in_axes=(0, None, 0), out_axes=(0, None))
    logits, state = batched(x, state, keys)
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), state


def _model(task: Task) -> Model:
    eqx = library("equinox")
    model, state = _network(task)
    params, static = eqx.partition(model, eqx.is_inexact_array)

    def loss(params, state, key, x, y):
        return _mean_loss(eqx.combine(params, static), state, key, x, y)

    return Model(params, state, loss)


def _trainer(task: Task) -> Trainer:
    eqx = library("equinox")
    model, state = _network(task)
    optimizer = optax.adam(task.learning_rate)
    moments = optimizer.init(eqx.filter(model, eqx.is_inexact_array))
    key = jax.random.key(0)

    @eqx.filter_jit
    def update(model, state, moments, key, x, y):
        key, subkey = jax.random.split(key)
        gradient_of = eqx.filter_value_and_grad(_mean_loss, has_aux=True)
        (loss, state), gradient = gradient_of(model, state, subkey, x, y)
        updates, moments = optimizer.update(gradient, moments, model)
        return loss, eqx.apply_updates(model, updates), state, moments, key

    def step(x, y):
        nonlocal model, state, moments, key
        loss, model, state, moments, key = update(model, state, moments, key, x, y)
        return loss

    return python_loop(task, step)


def _batch_norm(batches, x=None):
    eqx = library("equinox")
    layer, state = eqx.nn.make_with_state(eqx.nn.BatchNorm)(
        batches[0].shape[-1], "batch", momentum=0.99, mode="batch", dtype=batches[0].dtype
    )
    y = None
    for batch in batches:
        y, state = jax.vmap(layer, axis_name="batch", in_axes=(0, None), out_axes=(0, None))(
            batch, state
        )
    if x is None:
        return y
    frozen = eqx.nn.inference_mode(layer)
    return jax.vmap(lambda row: frozen(row, state)[0], axis_name="batch")(x)


def _dropout(rate, x, key):
    eqx = library("equinox")
    return eqx.nn.Dropout(rate)(x, key=key)


PEER = Peer(
    name="equinox",
    packages=("equinox",),
    functions=EdgeFunctions(batch_norm=_batch_norm, dropout=_dropout, sigmoid=jax.nn.sigmoid),
    model=_model,
    trainer=_trainer,
)
