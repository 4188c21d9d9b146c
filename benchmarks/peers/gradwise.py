"""gradwise, adapted like any other library."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from gradwise import losses, nn, train

from ..structure.jacobian import jacobian
from .peer import EdgeFunctions, Model, Peer, SparseJacobian, Trainer
from .task import Task

#: Passes over the data in one call of the compiled run.
_BLOCK = 10


def _network(task: Task) -> tuple[nn.Layer, tuple, tuple]:
    """Return the network with the task's weights."""
    model = nn.mlp(task.sizes, batch_norm=True, dropout=task.rate)
    params, state = model.init(jax.random.key(0))
    weights = iter(task.weights)
    params = tuple(
        layer._replace(weight=jnp.asarray(next(weights))) if isinstance(layer, nn.Dense) else layer
        for layer in params
    )
    return model, params, state


def _model(task: Task) -> Model:
    model, params, state = _network(task)

    def loss(params, state, key, x, y):
        logits, state = model.apply(params, state, x, key=key, train=True)
        values = losses.softmax_cross_entropy_with_integer_labels(logits, y)
        return losses.mean(values), state

    return Model(params, state, loss)


def _trainer(task: Task, *, implementation: str | None = None) -> Trainer:
    model, params, state = _network(task)
    objective = train.supervised(model.apply, losses.softmax_cross_entropy_with_integer_labels)
    optimizer = optax.adam(task.learning_rate)
    run = train.make_run(objective, optimizer, epochs=_BLOCK, batch_size=task.batch)
    block = jax.jit(run, donate_argnums=1)
    key = jax.random.key(0, impl=implementation)
    train_state = train.init(params, state, optimizer)
    data = jnp.asarray(task.x), jnp.asarray(task.y)

    def passes():
        nonlocal train_state
        train_state, history = block(key, train_state, data)
        return history.curves["train_loss"][-1]

    return Trainer(passes, epochs=_BLOCK)


def _batch_norm(batches, x=None):
    layer = nn.batch_norm(batches[0].shape[-1])
    params, state = layer.init(jax.random.key(0))
    y = None
    for batch in batches:
        y, state = layer.apply(params, state, batch, train=True)
    return y if x is None else layer.apply(params, state, x)[0]


def _masked_batch_norm(x, mask):
    layer = nn.batch_norm(x.shape[-1])
    return layer.apply(*layer.init(jax.random.key(0)), x, train=True, mask=mask)[0]


def _dropout(rate, x, key):
    return nn.dropout(rate).apply((), (), x, key=key, train=True)[0]


def _masked_cross_entropy(logits, targets, where):
    values = losses.softmax_cross_entropy(logits, targets, where=where)
    return losses.mean(values, where=where)


def _sparse_jacobian(fn: Callable[..., Any], x: jax.Array, *, dense: bool) -> SparseJacobian:
    found = jacobian(fn, x, output="dense" if dense else "csr")
    passes = next(rival.passes for rival in found.rivals if rival.name == found.way)
    return SparseJacobian(found, passes)  # it is compiled


RBG = Peer(name="gradwise, rbg key", trainer=partial(_trainer, implementation="rbg"))
PEER = Peer(
    name="gradwise",
    functions=EdgeFunctions(
        batch_norm=_batch_norm,
        masked_batch_norm=_masked_batch_norm,
        dropout=_dropout,
        sigmoid=nn.sigmoid,
        cross_entropy=losses.softmax_cross_entropy_with_integer_labels,
        distribution_cross_entropy=losses.softmax_cross_entropy,
        binary_cross_entropy=losses.binary_cross_entropy_with_logits,
        masked_cross_entropy=_masked_cross_entropy,
        norm=losses.l2,
        decay=jax.grad(losses.l2),
    ),
    model=_model,
    trainer=_trainer,
    sparse_jacobian=_sparse_jacobian,
)
