"""Every function of train that takes data, as a door: `door(objective, data)` gives one figure.

The figure is that of `objective`, whose oracle `figure_of` is NumPy in float64.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import train
from train import Batch

ROWS = 5
SGD = optax.sgd(1.0)
WHOLE = np.arange(ROWS * 3).reshape(ROWS, 3) % 4  # small integers, which every dtype holds
Y = np.arange(ROWS) % 3
DTYPES = ["float32", "float16", "bfloat16", "int32", "int8", "uint8", "bool"]


def key():
    return jax.random.key(0)


def objective(params, state, batch, *, key=None, train=False):
    """`params` times a figure in which the leaf at place `i` counts `i` times: the mean over the
    rows of the sum of a row's numbers, and the place of its dtype in `DTYPES`.

    So a leaf of another value or dtype changes the figure, also in a program that was compiled for
    other data, and a step of rate 1 from 0 over all rows leaves minus the figure.
    """
    total = jnp.zeros(len(jax.tree.leaves(batch.x)[0]))
    for place, leaf in enumerate(jax.tree.leaves((batch.x, batch.y)), 1):
        sums = leaf.reshape(len(leaf), -1).astype("float32").sum(axis=1)
        total = total + place * (sums + DTYPES.index(leaf.dtype.name))
    return params * train_mean(total, where=batch.mask).value, (state, {})


train_mean = train.metrics.mean


def leaves_of(data):
    return jax.tree.leaves(data, is_leaf=lambda node: isinstance(node, list))


def sums(leaf):
    """The sum of each row's numbers, `[rows]`, in float64; a number counts in every row."""
    array = np.asarray(leaf, np.float64)
    return np.broadcast_to(array if array.ndim < 2 else array.sum(axis=1), ROWS)


def figure_of(data, dtypes):
    """The figure of `objective`, where its leaves have the names of dtypes in the tree `dtypes`."""
    pairs = zip(leaves_of(data), jax.tree.leaves(dtypes), strict=True)
    return sum(
        place * (sums(leaf).mean() + DTYPES.index(dtype))
        for place, (leaf, dtype) in enumerate(pairs, 1)
    )


def fit(objective, data, **options):
    return train.fit(
        *(key(), train.init(0.0, (), SGD), objective, SGD, data),
        epochs=1, batch_size=ROWS, validation=data, **options,
    )  # fmt: skip


def through_fit(objective, data):
    state, history = fit(objective, data)
    np.testing.assert_allclose(history["validation_loss"], [-(float(state.params) ** 2)], rtol=1e-6)
    return -state.params


def through_stream(objective, data):
    return -fit(objective, [data])[0].params


def through_run(objective, data):
    run = train.make_run(objective, SGD, epochs=1, batch_size=ROWS)
    whole = jax.jit(lambda state: run(key(), state, data)[0])  # one program, not one for each op
    return -whole(train.init(0.0, (), SGD)).params


def through_evaluate(objective, data):
    return train.evaluate(objective, train.init(1.0, (), SGD), data, batch_size=3)["loss"]


def through_search(objective, data):
    def run(key, train_data, validation, *, start):
        made = train.make_run(objective, optax.sgd(0.0), epochs=1, batch_size=ROWS)
        return made(key, train.init(start, (), SGD), train_data, validation)

    return train.grid_search(run, {"start": [1.0]}, data, data, key=key()).best.mean


def through_predict(objective, data):
    def model(params, state, x, *, key, train, mask):
        value, _ = objective(params, state, Batch(*x, mask))
        return jnp.full(len(mask), value), state

    return train.predict(model, train.init(1.0, (), SGD), data, batch_size=ROWS).mean()


DOORS = {
    "fit": through_fit,
    "stream": through_stream,
    "make_run": through_run,
    "evaluate": through_evaluate,
    "grid_search": through_search,
}
OTHER_DOORS = {
    "predict": through_predict,
    "split": lambda objective, data: train.data.split(key(), data, test=0.4),
    "scaler": lambda objective, data: train.data.scaler(data),
    "standardize": lambda objective, data: train.data.standardize(data),
}
