"""Keras on JAX, trained by its `fit` as its guide calls it."""

import os

from .peer import Peer, Trainer, library
from .task import Task


def _trainer(task: Task) -> Trainer:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = library("keras")

    if keras.backend.backend() != "jax":
        raise RuntimeError(f"Keras runs on {keras.backend.backend()}: set KERAS_BACKEND=jax")
    layers: list = [keras.Input(task.sizes[:1])]
    for size in task.sizes[1:-1]:
        layers += [
            keras.layers.Dense(size, use_bias=False),
            keras.layers.BatchNormalization(momentum=task.momentum, epsilon=task.eps),
            keras.layers.ReLU(),
            keras.layers.Dropout(task.rate),
        ]
    model = keras.Sequential([*layers, keras.layers.Dense(task.sizes[-1])])
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    for layer, weight in zip(dense, task.weights, strict=True):
        layer.kernel.assign(weight)
    model.compile(
        keras.optimizers.Adam(task.learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=len(task.x) // task.batch,
    )

    def epoch():
        history = model.fit(task.x, task.y, batch_size=task.batch, epochs=1, verbose=0)
        return history.history["loss"][-1]

    return Trainer(epoch, epochs=1)


PEER = Peer(name="Keras on JAX", packages=("keras",), trainer=_trainer)
