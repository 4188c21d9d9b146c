"""JAX as one writes it by hand, in its plainest form: what all others are measured against."""

import jax
import jax.numpy as jnp

from .loop import jitted_trainer
from .peer import Model, Peer
from .task import Task


def _model(task: Task) -> Model:
    hidden = [
        {"w": jnp.asarray(w), "gamma": jnp.ones(w.shape[1]), "beta": jnp.zeros(w.shape[1])}
        for w in task.weights[:-1]
    ]
    last = {"w": jnp.asarray(task.weights[-1]), "b": jnp.zeros(task.sizes[-1])}
    state = [{"mean": jnp.zeros(size), "var": jnp.ones(size)} for size in task.sizes[1:-1]]
    old, new = task.momentum, 1 - task.momentum

    def loss(params, state, key, x, y):
        *layers, last = params
        new_state = []
        for layer, running, subkey in zip(
            layers, state, jax.random.split(key, len(layers)), strict=True
        ):
            x = x @ layer["w"]
            mean, square = x.mean(axis=0), (x**2).mean(axis=0)
            var = square - mean**2
            new_state.append(
                {
                    "mean": old * running["mean"] + new * mean,
                    "var": old * running["var"] + new * var,
                }
            )
            x = (x - mean) * jax.lax.rsqrt(var + task.eps) * layer["gamma"] + layer["beta"]
            x = jnp.maximum(x, 0)
            if task.rate:
                kept = jax.random.bernoulli(subkey, 1 - task.rate, x.shape)
                x = jnp.where(kept, x / (1 - task.rate), 0)
        logits = x @ last["w"] + last["b"]
        picked = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1)
        return -picked.mean(), new_state

    return Model([*hidden, last], state, loss)


PEER = Peer(
    "hand-written JAX", model=_model, trainer=lambda task: jitted_trainer(task, _model(task))
)
