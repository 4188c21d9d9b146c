"""Batch norm on data where implementations fail, against NumPy in float64."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nn

EPS = 1e-5
LAYER = nn.batch_norm(3)
PARAMS = nn.BatchNorm(gamma=np.ones(3, np.float32), beta=np.zeros(3, np.float32))
STATE = nn.BatchNormState(
    mean=np.zeros(3, np.float32), var=np.ones(3, np.float32), seen=np.zeros((), np.float32)
)


def rows(n, mean=0.0, std=1.0, seed=0) -> Any:
    return (mean + std * np.random.default_rng(seed).normal(size=(n, 3))).astype(np.float32)


def normalised(x):
    x = np.asarray(x, np.float64).reshape(-1, x.shape[-1])
    return (x - x.mean(0)) / np.sqrt(x.var(0) + EPS)


@jax.jit
def train(x, mask=None):
    return LAYER.apply(PARAMS, STATE, x, train=True, mask=mask)


@jax.jit
def infer(state, x):
    return LAYER.apply(PARAMS, state, x)


@jax.jit
@jax.grad
def gradient_of_weighted_sum(x, weights):
    y, _ = LAYER.apply(PARAMS, STATE, x, train=True)
    return jnp.sum(weights * y)


def test_the_layer_draws_the_parameters_and_the_state_that_these_tests_use():
    drawn = LAYER.init(jax.random.key(0))
    assert jax.tree.structure(drawn) == jax.tree.structure((PARAMS, STATE))
    for leaf, expected in zip(jax.tree.leaves(drawn), (*PARAMS, *STATE), strict=True):
        assert leaf.dtype == expected.dtype
        np.testing.assert_array_equal(leaf, expected)


@pytest.mark.parametrize("mean", [0.0, 1.0, 1e2, 1e4, 1e6, 1e7])
def test_float32_data_with_a_large_mean_is_normalised_as_in_float64(mean):
    x = rows(256, mean)
    np.testing.assert_allclose(train(x)[0], normalised(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize("mean", [0.0, 1e4, 1e7])
def test_the_gradient_for_data_with_a_large_mean_equals_that_in_float64(mean):
    x = rows(256, mean)
    weights = np.cos(np.arange(x.size, dtype=np.float64)).reshape(x.shape)
    y, scale = normalised(x), 1 / np.sqrt(np.asarray(x, np.float64).var(0) + EPS)
    expected = scale * (weights - weights.mean(0) - y * (weights * y).mean(0))
    gradient = gradient_of_weighted_sum(x, weights.astype(np.float32))
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("shape", [(2,), (49,), (8, 14, 14), (1797,), (99_999,)])
def test_a_constant_feature_gives_exactly_zero(shape, compiled):
    apply = train if compiled else train.__wrapped__
    for constants in ([0.1, 1e7 / 3, -7.7], [1e-30, 12345.678, 1e9], [1e6, 42195.0546875, -123.4]):
        x = jnp.asarray(np.broadcast_to(np.array(constants, np.float32), (*shape, 3)))
        y, state = apply(x)
        np.testing.assert_array_equal(y, 0.0)
        np.testing.assert_array_equal(state.var, 0.0)


def test_all_axes_but_the_last_are_reduced():
    x = rows(24, 5.0)
    flat, flat_state = train(x)
    images, state = train(x.reshape(2, 4, 3, 3))
    np.testing.assert_allclose(images.reshape(24, 3), flat, rtol=0, atol=1e-6)
    np.testing.assert_allclose(state.var, flat_state.var, rtol=1e-6)


def test_gamma_and_beta_are_applied_last():
    gamma, beta = np.array([1.0, 2.0, -3.0], np.float32), np.array([0.0, 5.0, 7.0], np.float32)
    x = rows(7, 3.0)
    y, _ = jax.jit(partial(LAYER.apply, train=True))(nn.BatchNorm(gamma, beta), STATE, x)
    expected = normalised(x) * gamma + beta
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)


def test_inference_before_any_step_applies_gamma_and_beta_alone():
    x = rows(4, 100.0, 30.0)
    np.testing.assert_array_equal(infer(STATE, x)[0], x)


def test_inference_after_one_step_uses_the_statistics_of_that_batch():
    x = rows(8, 5.0, 2.0)
    _, state = train(x)
    np.testing.assert_allclose(state.mean, x.astype(np.float64).mean(0), rtol=1e-6)
    np.testing.assert_allclose(state.var, x.astype(np.float64).var(0, ddof=1), rtol=1e-6)
    y, _ = infer(state, x)
    wide = x.astype(np.float64)
    expected = (wide - wide.mean(0)) / np.sqrt(wide.var(0, ddof=1) + EPS)
    np.testing.assert_allclose(y, expected, rtol=0, atol=2e-6)


def test_the_running_statistics_are_the_debiased_moving_average_at_every_step():
    layer = nn.batch_norm(3, momentum=0.9)
    state, batches = STATE, [rows(5, 5.0, 2.0, seed=k) for k in range(20)]
    step = jax.jit(lambda state, x: layer.apply(PARAMS, state, x, train=True)[1])
    for k, x in enumerate(batches, start=1):
        state = step(state, x)
        weights = 0.9 ** np.arange(k)[::-1]
        for ours, statistic in ((state.mean, np.mean), (state.var, _unbiased)):
            seen = [statistic(batch.astype(np.float64), axis=0) for batch in batches[:k]]
            np.testing.assert_allclose(ours, np.average(seen, 0, weights), rtol=2e-6)
    np.testing.assert_allclose(state.seen, 1 - 0.9**20, rtol=1e-6)


def _unbiased(x, axis):
    return np.var(x, axis=axis, ddof=1)


def test_the_stored_variance_of_small_batches_is_unbiased():
    layer = nn.batch_norm(3, momentum=0.999)
    batches = rows(2 * 4000, 5.0, 2.0).reshape(4000, 2, 3)

    def step(state, x):
        return layer.apply(PARAMS, state, x, train=True)[1], None

    state, _ = jax.lax.scan(step, STATE, batches)
    np.testing.assert_allclose(state.var, 4.0, rtol=0.15)


def test_training_on_one_row_raises_an_error_that_says_why():
    with pytest.raises(ValueError, match=r"batch_norm\(3\) .* more than one row .* \(1, 3\)"):
        LAYER.apply(PARAMS, STATE, rows(1), train=True)


def test_training_on_one_image_uses_the_variance_over_its_pixels():
    x = rows(12)
    y, _ = train(x.reshape(1, 3, 4, 3))
    np.testing.assert_allclose(y.reshape(12, 3), normalised(x), rtol=0, atol=1e-6)


def test_an_empty_batch_keeps_the_state():
    _, state = train(rows(8))
    train_from = jax.jit(partial(LAYER.apply, train=True))
    y, after = train_from(PARAMS, state, np.ones((0, 3), np.float32))
    assert y.shape == (0, 3)
    for before, now in zip(state, after, strict=True):
        np.testing.assert_array_equal(now, before)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_inputs_get_float32_statistics_and_keep_their_dtype(dtype):
    x = rows(64, 200.0, 4.0).astype(dtype)
    y, state = train(x)
    assert y.dtype == dtype
    assert {leaf.dtype for leaf in state} == {jnp.dtype("float32")}
    wide = np.asarray(x, np.float64)
    np.testing.assert_allclose(state.mean, wide.mean(0), rtol=1e-6)
    np.testing.assert_allclose(np.asarray(y, np.float64), normalised(wide), atol=2e-2)


def test_in_64_bit_mode_the_state_stays_float32_and_a_second_step_is_not_traced():
    with jax.enable_x64(True):
        x = rows(5).astype(np.float64)
        traces = []

        @jax.jit
        def step(state):
            traces.append(state)
            return LAYER.apply(PARAMS, state, x, train=True)

        y, state = step(jax.tree.map(jnp.asarray, STATE))
        _, state = step(state)
    assert y.dtype == jnp.float64
    assert {leaf.dtype for leaf in state} == {jnp.dtype("float32")}
    assert len(traces) == 1


def test_the_new_state_carries_no_gradient():
    def loss(x):
        _, state = LAYER.apply(PARAMS, STATE, x, train=True)
        return sum(leaf.sum() for leaf in state)

    np.testing.assert_array_equal(jax.jit(jax.grad(loss))(rows(4)), 0.0)


def test_momentum_and_eps_may_be_traced():
    x = rows(4, 2.0)

    def variance(momentum, eps):
        layer = nn.batch_norm(3, momentum=momentum, eps=eps)
        y, state = layer.apply(PARAMS, STATE, x, train=True)
        return layer.apply(PARAMS, state, x * 2, train=True)[1].mean, y

    mean, y = jax.jit(variance)(0.5, 1.0)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(mean, wide.mean(0) * (0.25 + 2 * 0.5) / 0.75, rtol=1e-6)
    np.testing.assert_allclose(y, (wide - wide.mean(0)) / np.sqrt(wide.var(0) + 1), atol=1e-6)
