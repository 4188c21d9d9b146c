"""flax linen, whose guides take their losses from optax."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from .loop import jitted_loop
from .peer import EdgeFunctions, Model, Peer, library
from .task import Task


def _model(task: Task) -> Model:
    nn = library("flax.linen")

    class Network(nn.Module):
        @nn.compact
        def __call__(self, x):
            for size in task.sizes[1:-1]:
                x = nn.Dense(size, use_bias=False)(x)
                x = nn.BatchNorm(False, momentum=task.momentum, epsilon=task.eps)(x)
                x = nn.relu(x)
                x = nn.Dropout(task.rate, deterministic=False)(x)
            return nn.Dense(task.sizes[-1])(x)

    network = Network()
    keys = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    variables: Any = network.init(keys, jnp.asarray(task.x[:2]))
    params = dict(variables["params"])
    for index, weight in enumerate(task.weights):
        layer = f"Dense_{index}"
        params[layer] = dict(params[layer]) | {"kernel": jnp.asarray(weight)}

    def loss(params, state, key, x, y):
        logits, updates = network.apply(
            {"params": params, "batch_stats": state},
            x,
            rngs={"dropout": key},
            mutable=["batch_stats"],
        )
        values = optax.softmax_cross_entropy_with_integer_labels(logits, y)
        return values.mean(), updates["batch_stats"]

    return Model(params, variables["batch_stats"], loss)


def _batch_norm(batches, x=None):
    nn = library("flax.linen")
    layer = nn.BatchNorm(momentum=0.99)
    variables: Any = layer.init(jax.random.key(0), batches[0], use_running_average=True)
    y = None
    for batch in batches:
        y, updates = layer.apply(
            variables, batch, use_running_average=False, mutable=["batch_stats"]
        )
        variables = variables | updates
    return y if x is None else layer.apply(variables, x, use_running_average=True)


def _masked_batch_norm(x, mask):
    nn = library("flax.linen")
    layer = nn.BatchNorm(use_running_average=False)
    variables: Any = layer.init(jax.random.key(0), x)
    return layer.apply(variables, x, mask=mask[:, None], mutable=["batch_stats"])[0]


def _dropout(rate, x, key):
    nn = library("flax.linen")
    return nn.Dropout(rate, deterministic=False).apply({}, x, rngs={"dropout": key})


def _sigmoid(x):
    nn = library("flax.linen")
    return nn.sigmoid(x)


PEER = Peer(
    name="flax linen",
    packages=("flax",),
    functions=EdgeFunctions(
        batch_norm=_batch_norm,
        masked_batch_norm=_masked_batch_norm,
        dropout=_dropout,
        sigmoid=_sigmoid,
    ),
    model=_model,
    trainer=lambda task: jitted_loop(task, _model(task)),
)
