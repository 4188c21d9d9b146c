"""A small classification problem that the tests of train share."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import losses
import nn
import train

ROWS, FEATURES, CLASSES, BATCH = 11, 4, 3, 4  # the last batch has three rows


def data(rows: int = ROWS) -> tuple[jax.Array, jax.Array]:
    """Features `[rows, 4]` around a centre per class, and labels `[rows]`."""
    random = np.random.default_rng(7)
    labels = random.integers(0, CLASSES, rows)
    features = random.normal(size=(rows, FEATURES)) + 2 * np.eye(CLASSES, FEATURES)[labels]
    return jnp.asarray(features, jnp.float32), jnp.asarray(labels, jnp.int32)


def linear() -> tuple[train.SupervisedObjective, train.TrainState]:
    """Softmax regression: quick to compile."""
    return _problem(nn.dense(FEATURES, CLASSES), {})


def whole() -> tuple[train.SupervisedObjective, train.TrainState]:
    """A network with all that a step must carry: batch norm's state and dropout's randomness."""
    model = nn.mlp((FEATURES, 6, CLASSES), batch_norm=True, dropout=0.25)
    return _problem(model, {"accuracy": train.metrics.accuracy})


def optimizer() -> optax.GradientTransformation:
    """With state of its own, and a schedule that counts."""
    return optax.sgd(optax.exponential_decay(0.05, 2, 0.9), momentum=0.9)


def _problem(model: nn.Layer, metrics: dict) -> tuple[train.SupervisedObjective, train.TrainState]:
    params, state = model.init(jax.random.key(3))
    objective = train.supervised(
        model.apply, losses.softmax_cross_entropy_with_integer_labels, metrics=metrics
    )
    return objective, train.init(params, state, optimizer())


def same_bits(a: object, b: object) -> bool:
    """Whether two trees hold the same numbers, NaN where NaN."""
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.array_equal(np.asarray(x), np.asarray(y), equal_nan=True) for x, y in leaves)
