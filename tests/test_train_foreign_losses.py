"""Losses that have no `where`, and those of optax, whose `where` is another one."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import losses
import train

ROWS, FEATURES, CLASSES = 4, 3, 4  # as many classes as rows: a mask of the wrong axis would fit
RANDOM = np.random.default_rng(5)
X = jnp.asarray(RANDOM.normal(size=(ROWS, FEATURES)), jnp.float32)
W = jnp.asarray(RANDOM.normal(size=(FEATURES, CLASSES)), jnp.float32)
SHOWN = np.array([True, False, True, True])
SHARES = jax.nn.softmax(jnp.asarray(RANDOM.normal(size=(ROWS, CLASSES)), jnp.float32))
SIGNS = jnp.asarray(RANDOM.integers(0, 2, (ROWS, CLASSES)), jnp.float32)
LABELS = jnp.array([2, 0, 3, 1])


def model(params, x):
    return x @ params


def inverse(predictions, targets):
    """No number where predictions or targets are 0, or equal, and no slope."""
    return (jnp.log(jnp.abs(predictions) / targets) + jnp.sqrt((predictions - targets) ** 2)).sum(1)


CASES = {
    "squared_error": (optax.squared_error, SHARES),
    "l2_loss": (optax.l2_loss, SHARES),
    "huber_loss": (partial(optax.huber_loss, delta=0.5), SHARES),
    "log_cosh": (jax.jit(optax.losses.log_cosh), SHARES),
    "cosine_distance": (optax.losses.cosine_distance, SHARES),
    "kl_divergence": (optax.losses.kl_divergence, SHARES),
    "sigmoid_binary_cross_entropy": (optax.sigmoid_binary_cross_entropy, SIGNS),
    "sigmoid_focal_loss": (optax.losses.sigmoid_focal_loss, SIGNS),
    "softmax_cross_entropy": (optax.softmax_cross_entropy, SHARES),
    "safe_softmax_cross_entropy": (optax.safe_softmax_cross_entropy, SHARES),
    "labels": (optax.softmax_cross_entropy_with_integer_labels, LABELS),
    "poly_loss": (optax.losses.poly_loss_cross_entropy, SHARES),
    "a users": (inverse, SHARES),
}


@pytest.mark.parametrize(("loss", "y"), CASES.values(), ids=CASES)
def test_rows_that_are_hidden_count_neither_in_the_loss_nor_in_its_gradient(loss, y):
    objective = train.supervised(model, loss)

    def oracle(params):  # of the rows that are shown alone
        return jnp.mean(loss(model(params, X[SHOWN]), y[SHOWN]))

    expected, slope = jax.value_and_grad(oracle)(W)
    floating = jnp.issubdtype(y.dtype, jnp.floating)
    hidden = jnp.asarray(SHOWN).reshape(-1, *[1] * (y.ndim - 1))
    damaged = jnp.where(hidden, y, jnp.nan if floating else -7)
    by_mask = train.Batch(jnp.where(SHOWN[:, None], X, jnp.nan), damaged, jnp.asarray(SHOWN))
    by_weight = train.Batch(X, train.Weighted(damaged, jnp.asarray(SHOWN)))
    for batch in (by_mask, by_weight):
        value, found = jax.value_and_grad(lambda w, b=batch: objective(w, (), b)[0])(W)
        np.testing.assert_allclose(value, expected, rtol=1e-5)
        np.testing.assert_allclose(found, slope, rtol=1e-4, atol=1e-6)


def test_weights_and_single_outputs_that_are_hidden_need_no_where_either():
    weights = jnp.asarray(RANDOM.uniform(size=(ROWS, CLASSES)), jnp.float32).at[1, 2].set(0)
    targets = SHARES.at[1, 2].set(jnp.nan)
    objective = train.supervised(model, optax.squared_error)
    value, _ = objective(W, (), train.Batch(X, train.Weighted(targets, weights)))
    squares = (np.asarray(X, float) @ np.asarray(W, float) - np.nan_to_num(targets)) ** 2
    np.testing.assert_allclose(value, (squares * weights).sum() / weights.sum(), rtol=1e-5)


def test_a_loss_without_where_trains_as_the_same_loss_with_it():
    def absolute(predictions, targets):
        return jnp.abs(predictions - targets).sum(-1)

    optimizer = optax.sgd(0.1)
    histories = []
    for loss in (absolute, losses.absolute_error):
        train_state = train.init(W, (), optimizer)
        _, history = train.fit(
            *(jax.random.key(0), train_state, train.supervised(model, loss), optimizer),
            *((X, SHARES),),
            **{"validation": (X[:3], SHARES[:3]), "epochs": 2, "batch_size": 3},
        )
        histories.append(history)
    assert np.allclose(histories[0]["train_loss"], histories[1]["train_loss"], rtol=1e-6)
    assert np.allclose(histories[0]["validation_loss"], histories[1]["validation_loss"], rtol=1e-6)


def test_a_loss_that_is_a_mean_already_is_refused_before_anything_is_compiled():
    def mean(predictions, targets):
        return jnp.mean((predictions - targets) ** 2)

    objective = train.supervised(model, mean)
    with pytest.raises(ValueError, match=r"one value for each of 4 rows, got shape .*leave their"):
        objective(W, (), train.Batch(X, SHARES))
    optimizer = optax.sgd(0.1)
    train_state = train.init(W, (), optimizer)
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **__: compiled.append(event) if "backend_compile" in event else None
    )
    with pytest.raises(ValueError, match="one value for each of 4 rows, got shape"):
        train.fit(
            *(jax.random.key(0), train_state, objective, optimizer, (X, SHARES)),
            **{"epochs": 1, "batch_size": 3},
        )
    assert not compiled
