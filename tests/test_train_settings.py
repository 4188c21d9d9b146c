"""Settings of JAX that a user may have on: what they forbid is not done by the library itself."""

from contextlib import ExitStack, nullcontext
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from loss_cases import CASES
from test_nn_contract import BATCH, LAYERS
from train_problem import data, linear, optimizer, whole

import losses
import nn
import train
from train import metrics


@pytest.fixture
def _nothing_is_promoted():
    with ExitStack() as stack:
        stack.enter_context(jax.numpy_rank_promotion("raise"))
        stack.enter_context(jax.numpy_dtype_promotion("strict"))
        yield


strictly = pytest.mark.usefixtures("_nothing_is_promoted")


def shapes_of(tree):
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), tree)


@strictly
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_promotes_no_axes_and_no_dtypes(name):
    layer, shape = LAYERS[name]
    x = jax.ShapeDtypeStruct((BATCH, *shape), jnp.float32)
    params, state = jax.eval_shape(layer.init, jax.random.key(0))
    mask = jax.ShapeDtypeStruct((BATCH,), bool)
    train_step, measure = (partial(layer.apply, train=is_step) for is_step in (True, False))
    y, after = jax.eval_shape(train_step, params, state, x, key=jax.random.key(1), mask=mask)
    assert shapes_of(after) == shapes_of(state)
    assert jax.eval_shape(measure, params, state, x)[0] == y


@strictly
@pytest.mark.parametrize("name", CASES)
def test_a_loss_promotes_no_axes_and_no_dtypes(name):
    case = CASES[name]
    targets = case.targets if case.targets.dtype.kind == "i" else np.float32(case.targets)
    where = jax.ShapeDtypeStruct(case.targets.shape[:1], bool)

    def mean(predictions, targets, where):
        return losses.mean(case.loss(predictions, targets, where=where), where=where)

    for dtype in (jnp.float32, jnp.bfloat16):
        predictions = jax.ShapeDtypeStruct(case.predictions.shape, dtype)
        slope = jax.eval_shape(jax.grad(mean), predictions, targets, where)
        assert slope.dtype == dtype


SCORES = {
    "accuracy": metrics.accuracy,
    "top_k": partial(metrics.top_k_accuracy, k=2),
    "confusion": metrics.confusion_matrix,
    "f1": metrics.f1,
    "calibration": partial(metrics.calibration_error, from_logits=True),
}
OF_TWO = {
    "accuracy": partial(metrics.binary_accuracy, from_logits=True),
    "f1": partial(metrics.binary_f1, threshold=jnp.array([0.5, 0.2])),
    "auc": partial(metrics.binary_auc, from_logits=True),
    "error": metrics.mean_absolute_error,
    "r2": partial(metrics.r_squared, target_mean=jnp.array([0.5, 0.2])),
}


@strictly
@pytest.mark.parametrize("labels", [jnp.int32, jnp.uint8, jnp.float32])
def test_a_metric_promotes_no_axes_and_no_dtypes(labels):
    mask = jax.ShapeDtypeStruct((BATCH,), bool)
    for table, scores, targets in ((SCORES, 3, ()), (OF_TWO, 2, (2,))):
        predictions = jax.ShapeDtypeStruct((BATCH, scores), jnp.float32)
        y = jax.ShapeDtypeStruct((BATCH, *targets), labels)
        for metric in table.values():
            value = jax.eval_shape(
                lambda p, y, mask, metric=metric: metric(p, y, where=mask).value,
                *(predictions, y, mask),
            )
            assert value.dtype in (jnp.float32, jnp.int32)


@strictly
def test_a_whole_training_promotes_no_axes_and_no_dtypes():
    objective, train_state = whole()
    x, y = data()
    objective = train.supervised(
        objective.apply, objective.loss, metrics=objective.metrics, penalty=losses.l2
    )
    sgd = optax.sgd(0.1)  # Adam promotes its count itself
    run = train.make_run(
        *(objective, sgd), epochs=2, batch_size=4, accumulate=2, patience=1, keep_best=True,
        average=train.ema(0.9), gradient_norm=True,
        augment=lambda key, x: x + jax.random.normal(key, x.shape, x.dtype),
    )  # fmt: skip
    before = train.init(train_state.params, train_state.state, sgd)
    after, history = jax.eval_shape(run, jax.random.key(0), before, (x, y), (x, y))
    assert shapes_of(after) == shapes_of(before)
    assert history.curves["validation_accuracy"].shape == (2,)
    figures = jax.eval_shape(
        lambda state: train.evaluate(objective, state, (x, y), batch_size=4), before
    )
    assert figures["loss"].shape == ()
    draws = jax.eval_shape(
        partial(nn.monte_carlo, nn.Layer(print, objective.apply), samples=3),
        *(before.params, before.state, x, jax.random.key(1)),
    )
    assert jax.tree.leaves(draws)[0].shape == (len(x), 3)


@strictly
def test_data_are_dealt_changed_and_scaled_without_promotion():
    x, _ = data()
    images = jax.ShapeDtypeStruct((4, 6, 6, 1), jnp.uint8)
    augment = train.data.chain(train.data.flip, partial(train.data.shift, most=2))
    assert jax.eval_shape(augment, jax.random.key(0), images) == images
    for rows in (11, 3000):
        indices, _ = jax.eval_shape(
            partial(train.data.shuffle, epoch=1, rows=rows, batch_size=4), jax.random.key(0)
        )
        assert indices.shape == (-(-rows // 4), 4)
    scale = train.data.scaler(x)
    assert jax.eval_shape(lambda x: scale.inverse(scale(x)), x).dtype == jnp.float32


def test_a_run_in_one_program_makes_no_nan_that_debug_nans_would_end_it_for():
    objective, train_state = linear()
    run = jax.jit(train.make_run(objective, optimizer(), epochs=2, batch_size=8))
    with jax.debug_nans(True):
        _, history = run(jax.random.key(0), train_state, data(), data())
    assert np.isfinite(history["validation_loss"]).all()
    assert not np.isfinite(history.optimum)


def test_data_of_float64_are_scaled_to_what_jax_keeps_of_them():
    x = np.random.default_rng(0).normal(1e6, 1e-4, size=(50, 2))
    assert train.data.standardize(x)[0].dtype == np.float32
    with jax.enable_x64(True):
        scale = train.data.scaler(x)
        np.testing.assert_allclose(scale.inverse(scale(x)), x, rtol=0, atol=1e-9)


def new_key():
    return jax.random.key(0)


SETTINGS = {
    "x64": (partial(jax.enable_x64, True), new_key),
    "no jit": (jax.disable_jit, new_key),
    "leaks of tracers": (jax.checking_leaks, new_key),
    "keys of old": (nullcontext, lambda: jax.random.key_data(jax.random.key(0))),
    "keys of rbg": (nullcontext, partial(jax.random.key, 0, impl="rbg")),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_training_comes_to_the_same_weights_whatever_a_user_has_set(name):
    setting, key = SETTINGS[name]
    objective, train_state = linear()
    x, y = (np.asarray(part) for part in data())
    with setting():  # one batch has all rows, whose order is that of the key
        trained, history = train.fit(
            *(key(), train_state, objective, optimizer(), (np.float64(x), y)),
            epochs=2, batch_size=len(x),
        )  # fmt: skip
    weight, bias = (np.float64(leaf) for leaf in train_state.params)
    momentum, expected = (0, 0), []
    for step in range(2):
        scores = x @ weight + bias
        share = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        expected.append(-np.log(share[np.arange(len(x)), y]).mean())
        error = (share - np.eye(3)[y]) / len(x)
        momentum = 0.9 * momentum[0] + x.T @ error, 0.9 * momentum[1] + error.sum(axis=0)
        rate = 0.05 * 0.9 ** (step / 2)
        weight, bias = weight - rate * momentum[0], bias - rate * momentum[1]
    np.testing.assert_allclose(history["train_loss"], expected, rtol=1e-5)
    np.testing.assert_allclose(trained.params.weight, weight, rtol=1e-4, atol=1e-6)
    assert trained.params.weight.dtype == jnp.float32
