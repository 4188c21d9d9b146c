"""A small classification problem that the tests of train share."""

from collections import OrderedDict
from collections.abc import Iterator
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.core import Tracer

import losses
import nn
import train
from train import _programs
from train.metrics import mean

ROWS, FEATURES, CLASSES, BATCH = 11, 4, 3, 4  # the last batch has three rows


def data(rows: int = ROWS) -> tuple[jax.Array, jax.Array]:
    """Features `[rows, 4]` around a centre per class, and labels `[rows]`."""
    random = np.random.default_rng(7)
    labels = random.integers(0, CLASSES, rows)
    features = random.normal(size=(rows, FEATURES)) + 2 * np.eye(CLASSES, FEATURES)[labels]
    return jnp.asarray(features, jnp.float32), jnp.asarray(labels, jnp.int32)


@cache
def linear() -> tuple[train.SupervisedObjective, train.TrainState]:
    """Softmax regression: quick to compile."""
    return _problem(nn.dense(FEATURES, CLASSES), {})


@cache
def whole() -> tuple[train.SupervisedObjective, train.TrainState]:
    """The least with all that a step must carry: batch norm's state and dropout's randomness."""
    model = nn.serial(nn.batch_norm(FEATURES), nn.dropout(0.25), nn.dense(FEATURES, CLASSES))
    return _problem(model, {"accuracy": train.metrics.accuracy})


@cache
def optimizer() -> optax.GradientTransformation:
    """With state of its own, and a schedule that counts; one object, so that programs are kept."""
    return optax.sgd(optax.exponential_decay(0.05, 2, 0.9), momentum=0.9)


def _problem(model: nn.Layer, metrics: dict) -> tuple[train.SupervisedObjective, train.TrainState]:
    random, key = np.random.default_rng(3), jax.random.key(3)
    shapes, state = jax.eval_shape(model.init, key)
    params = jax.tree.map(  # whose own draws would be programs to compile
        lambda leaf: jnp.asarray(random.normal(size=leaf.shape) / 2, leaf.dtype), shapes
    )
    if jax.tree.leaves(state):
        state = jax.jit(lambda key: model.init(key)[1])(key)
    objective = train.supervised(
        model.apply, losses.softmax_cross_entropy_with_integer_labels, metrics=metrics
    )
    return objective, train.init(params, state, optimizer())


@partial(jax.jit, static_argnums=(2, 3))
def order(key: jax.Array, epoch: int, rows: int, batch_size: int) -> tuple[jax.Array, jax.Array]:
    """The batches of an epoch, in one program."""
    return train.data.shuffle(key, epoch, rows, batch_size)


def shuffled(seed: int, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The batches that the compiled loop takes in an epoch, as a host would bring them."""
    x, y = (np.asarray(part) for part in data())
    indices, mask = map(np.asarray, order(jax.random.key(seed), epoch, len(x), BATCH))
    for rows, real in zip(indices, mask, strict=True):
        yield x[rows[real]], y[rows[real]]


def same_training(a: object, b: object) -> bool:
    """Whether two programs trained the same numbers: to the last bit where XLA runs on a CPU.

    A GPU chooses its kernels by the whole program, and they round differently.
    """
    if jax.default_backend() == "cpu":
        return same_bits(a, b)
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.allclose(x, y, rtol=1e-4, atol=1e-5, equal_nan=True) for x, y in leaves)


def same_bits(a: object, b: object) -> bool:
    """Whether two trees hold the same numbers, NaN where NaN."""
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.array_equal(np.asarray(x), np.asarray(y), equal_nan=True) for x, y in leaves)


def forbid_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test fail where something is compiled; to be asked for shapes compiles nothing.

    The programs that train has kept for other tests are not to be had.
    """

    def jit(fn, **options):
        def called(*given):
            if not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(given)):
                pytest.fail("something was compiled before the error")
            return fn(*given)

        return called

    monkeypatch.setattr(jax, "jit", jit)
    monkeypatch.setattr(_programs, "_kept", OrderedDict())


def least_squares(key, train_data, validation, *, rate, method="sgd", seed=0):
    """A run with the mean for its one parameter, so that folds can be worked out by hand."""
    del key

    def objective(params, state, batch, *, key=None, train=False):
        error = mean((batch.y - params) ** 2, where=batch.mask)
        return error.value, (state, {"loss": error})

    optimizer = getattr(optax, method)(rate)
    train_state = train.init(jnp.array(0.0), (), optimizer)
    go = train.make_run(objective, optimizer, epochs=1, batch_size=train_data[1].shape[0])
    return go(jax.random.key(seed), train_state, train_data, validation)
