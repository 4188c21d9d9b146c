"""flax nnx, whose modules hold their arrays; it splits them into a definition and a pytree."""

from typing import Any

import jax.numpy as jnp
import optax

from .loop import python_loop
from .peer import EdgeFunctions, Model, Peer, Trainer, library
from .task import Task


def _network(task: Task) -> Any:
    nnx = library("flax.nnx")

    class Network(nnx.Module):
        def __init__(self, rngs):
            self.dense = nnx.List(
                nnx.Linear(*w.shape, use_bias=w is task.weights[-1], rngs=rngs)
                for w in task.weights
            )
            self.norm = nnx.List(
                nnx.BatchNorm(size, momentum=task.momentum, epsilon=task.eps, rngs=rngs)
                for size in task.sizes[1:-1]
            )
            self.dropout = nnx.Dropout(task.rate, rngs=rngs)

        def __call__(self, x):
            for dense, norm in zip(self.dense, self.norm, strict=False):
                x = self.dropout(nnx.relu(norm(dense(x))))
            return self.dense[-1](x)

    network = Network(nnx.Rngs(0))
    for dense, weight in zip(network.dense, task.weights, strict=True):
        dense.kernel[...] = jnp.asarray(weight)
    network.train()
    return network


def _mean_loss(network, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(network(x), y).mean()


def _model(task: Task) -> Model:
    nnx = library("flax.nnx")
    definition, params, rest = nnx.split(_network(task), nnx.Param, ...)

    def loss(params, state, key, x, y):
        del key  # nnx draws dropout from keys that it holds in the state
        network = nnx.merge(definition, params, state, copy=True)
        value = _mean_loss(network, x, y)
        return value, nnx.split(network, nnx.Param, ...)[2]

    return Model(params, rest, loss)


def _trainer(task: Task) -> Trainer:
    nnx = library("flax.nnx")
    network = _network(task)
    optimizer = nnx.Optimizer(network, optax.adam(task.learning_rate), wrt=nnx.Param)

    @nnx.jit
    def update(network, optimizer, x, y):
        loss, gradient = nnx.value_and_grad(_mean_loss)(network, x, y)
        optimizer.update(network, gradient)
        return loss

    return python_loop(task, lambda x, y: update(network, optimizer, x, y))


def _batch_norm(batches, x=None):
    nnx = library("flax.nnx")
    layer = nnx.BatchNorm(batches[0].shape[-1], momentum=0.99, rngs=nnx.Rngs(0))
    y = None
    for batch in batches:
        y = layer(batch, use_running_average=False)
    return y if x is None else layer(x, use_running_average=True)


def _masked_batch_norm(x, mask):
    nnx = library("flax.nnx")
    layer = nnx.BatchNorm(x.shape[-1], rngs=nnx.Rngs(0))
    return layer(x, use_running_average=False, mask=mask[:, None])


def _dropout(rate, x, key):
    nnx = library("flax.nnx")
    return nnx.Dropout(rate, deterministic=False, rngs=nnx.Rngs(key))(x)


def _sigmoid(x):
    nnx = library("flax.nnx")
    return nnx.sigmoid(x)


PEER = Peer(
    name="flax nnx",
    packages=("flax",),
    functions=EdgeFunctions(
        batch_norm=_batch_norm,
        masked_batch_norm=_masked_batch_norm,
        dropout=_dropout,
        sigmoid=_sigmoid,
    ),
    model=_model,
    trainer=_trainer,
)
