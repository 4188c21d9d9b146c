"""Batch norm where it goes wrong elsewhere; the oracle is NumPy in float64 on the same data."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nn

EPS = 1e-5
LAYER = nn.batch_norm(3)
PARAMS, STATE = LAYER.init(jax.random.key(0))


def rows(n, mean=0.0, std=1.0, seed=0) -> Any:
    return (mean + std * np.random.default_rng(seed).normal(size=(n, 3))).astype(np.float32)


def normalised(x):
    x = np.asarray(x, np.float64).reshape(-1, x.shape[-1])
    return (x - x.mean(0)) / np.sqrt(x.var(0) + EPS)


@jax.jit
def train(x, mask=None):
    return LAYER.apply(PARAMS, STATE, x, train=True, mask=mask)


def weighted_sum(x, mask=None):
    """A loss with a different weight for every output, and its gradient by the closed form."""
    weights = np.cos(np.arange(x.size, dtype=np.float64)).reshape(x.shape)

    def loss(x):
        y, _ = LAYER.apply(PARAMS, STATE, x, train=True, mask=mask)
        return jnp.sum(jnp.asarray(weights, jnp.float32) * y)

    y, scale = normalised(x), 1 / np.sqrt(np.asarray(x, np.float64).var(0) + EPS)
    return loss, scale * (weights - weights.mean(0) - y * (weights * y).mean(0))


@pytest.mark.parametrize("mean", [0.0, 1.0, 1e2, 1e4, 1e6, 1e7])
def test_float32_data_far_from_zero_is_normalised_as_in_float64(mean):
    x = rows(256, mean)
    np.testing.assert_allclose(train(x)[0], normalised(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize("mean", [0.0, 1e4, 1e7])
def test_the_gradient_of_data_far_from_zero_is_that_of_float64(mean):
    x = rows(256, mean)
    loss, expected = weighted_sum(x)
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(x), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("shape", [(2,), (49,), (8, 14, 14), (1797,), (99_999,)])
def test_a_constant_feature_gives_exactly_zero(shape, compiled):
    apply = train if compiled else train.__wrapped__
    for constants in ([0.1, 1e7 / 3, -7.7], [1e-30, 12345.678, 1e9], [1e6, 42195.0546875, -123.4]):
        x = jnp.broadcast_to(jnp.asarray(constants, jnp.float32), (*shape, 3))
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
    params = nn.BatchNorm(jnp.array([1.0, 2.0, -3.0]), jnp.array([0.0, 5.0, 7.0]))
    x = rows(7, 3.0)
    y, _ = LAYER.apply(params, STATE, x, train=True)
    expected = normalised(x) * np.asarray(params.gamma) + np.asarray(params.beta)
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)


def test_inference_before_any_step_is_the_identity_up_to_gamma_and_beta():
    x = rows(4, 100.0, 30.0)
    np.testing.assert_array_equal(LAYER.apply(PARAMS, STATE, x)[0], x)


def test_inference_after_one_step_uses_the_statistics_of_that_batch():
    x = rows(8, 5.0, 2.0)
    _, state = train(x)
    np.testing.assert_allclose(state.mean, x.astype(np.float64).mean(0), rtol=1e-6)
    np.testing.assert_allclose(state.var, x.astype(np.float64).var(0, ddof=1), rtol=1e-6)
    y, _ = LAYER.apply(PARAMS, state, x)
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


def test_one_row_while_training_raises_and_says_why():
    with pytest.raises(ValueError, match=r"batch_norm\(3\) .* more than one row .* \(1, 3\)"):
        LAYER.apply(PARAMS, STATE, jnp.ones((1, 3)), train=True)


def test_one_image_while_training_has_a_variance_of_its_own():
    x = rows(12)
    y, _ = train(x.reshape(1, 3, 4, 3))
    np.testing.assert_allclose(y.reshape(12, 3), normalised(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize("real", [0, 1])
def test_a_mask_that_leaves_less_than_two_rows_gives_beta_and_leaves_the_state_alone(real):
    params = nn.BatchNorm(jnp.ones(3), jnp.array([1.0, 2.0, 3.0]))
    _, state = train(rows(8, 5.0, 2.0))
    x, mask = rows(4, 1e4), np.arange(4) < real

    def loss(params, x):
        y, after = LAYER.apply(params, state, x, train=True, mask=mask)
        return y.sum(), (y, after)

    grads, (y, after) = jax.jit(jax.grad(loss, argnums=(0, 1), has_aux=True))(params, x)
    np.testing.assert_array_equal(y, np.broadcast_to(params.beta, (4, 3)))
    np.testing.assert_array_equal(grads[1], 0.0)
    assert np.isfinite(grads[0]).all()
    for before, now in zip(state, after, strict=True):
        np.testing.assert_array_equal(now, before)


def test_an_empty_batch_leaves_the_state_alone():
    _, state = train(rows(8))
    y, after = LAYER.apply(PARAMS, state, jnp.ones((0, 3)), train=True)
    assert y.shape == (0, 3)
    for before, now in zip(state, after, strict=True):
        np.testing.assert_array_equal(now, before)


@pytest.mark.parametrize("hidden", [np.nan, np.inf, -np.inf, 3e38])
def test_what_stands_behind_the_mask_changes_nothing_else(hidden):
    x, mask = rows(6, 4.0), np.array([1, 0, 1, 1, 0, 1], bool)
    x[~mask] = hidden
    weights = np.where(mask[:, None], np.cos(np.arange(18.0)).reshape(6, 3), 0)

    def run(x, mask, weights):
        def loss(params, x):
            y, state = LAYER.apply(params, STATE, x, train=True, mask=mask)
            return jnp.sum(weights * y), (y, state)

        return jax.grad(loss, argnums=(0, 1), has_aux=True)(PARAMS, x)

    (params_grad, x_grad), (y, state) = run(x, mask, weights)
    (params_grad_real, x_grad_real), (y_real, state_real) = run(x[mask], None, weights[mask])
    np.testing.assert_allclose(y[mask], y_real, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(y[~mask], 0.0)
    np.testing.assert_allclose(x_grad[mask], x_grad_real, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(x_grad[~mask], 0.0)
    for ours, expected in zip(
        (*params_grad, *state), (*params_grad_real, *state_real), strict=True
    ):
        np.testing.assert_allclose(ours, expected, rtol=2e-6, atol=1e-6)


def test_at_inference_a_nan_row_behind_the_mask_spoils_no_gradient():
    x, mask = rows(4), jnp.array([True, True, False, True])
    x[2] = np.nan

    def loss(params):
        y, _ = LAYER.apply(params, STATE, x, mask=mask)
        return jnp.sum(jnp.where(mask[:, None], y, 0))

    assert all(np.isfinite(leaf).all() for leaf in jax.grad(loss)(PARAMS))


def test_masked_shards_of_different_counts_give_what_one_device_gives():
    layer = nn.batch_norm(3, axis_name="devices")
    x = rows(32, 1e3).reshape(4, 8, 3)
    mask: Any = np.arange(8) < np.array([8, 1, 0, 5])[:, None]
    x[~mask] = np.nan
    weights = jnp.asarray(np.where(mask[..., None], np.sin(np.arange(96.0)).reshape(4, 8, 3), 0))

    def over_devices(x):
        def shard(x, mask):
            return layer.apply(PARAMS, STATE, x, train=True, mask=mask)

        y, state = jax.vmap(shard, axis_name="devices")(x, mask)
        return jnp.sum(weights * y), (y, state)

    def on_one(x):
        y, state = LAYER.apply(PARAMS, STATE, x.reshape(32, 3), train=True, mask=mask.reshape(32))
        y = y.reshape(4, 8, 3)
        return jnp.sum(weights * y), (y, state)

    grad, (y, state) = jax.grad(over_devices, has_aux=True)(x)
    grad_one, (y_one, state_one) = jax.grad(on_one, has_aux=True)(x)
    np.testing.assert_allclose(y, y_one, rtol=0, atol=1e-6)
    np.testing.assert_allclose(grad, grad_one, rtol=0, atol=1e-6)
    for ours, expected in zip(state, state_one, strict=True):
        np.testing.assert_allclose(ours, np.broadcast_to(expected, ours.shape), rtol=1e-6)


def test_single_rows_on_several_devices_are_one_batch():
    layer = nn.batch_norm(3, axis_name="rows")
    x = rows(5, 2.0)
    y, _ = jax.vmap(
        lambda row: layer.apply(PARAMS, STATE, row, train=True),
        axis_name="rows",
        out_axes=(0, None),
    )(x)
    np.testing.assert_allclose(y, normalised(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_inputs_get_float32_statistics_and_keep_their_dtype(dtype):
    x = jnp.asarray(rows(64, 200.0, 4.0), dtype)
    y, state = train(x)
    assert y.dtype == dtype
    assert {leaf.dtype for leaf in state} == {jnp.dtype("float32")}
    wide = np.asarray(x, np.float64)
    np.testing.assert_allclose(state.mean, wide.mean(0), rtol=1e-6)
    np.testing.assert_allclose(np.asarray(y, np.float64), normalised(wide), atol=2e-2)


def test_in_64_bit_mode_the_state_stays_float32_and_a_second_step_does_not_retrace():
    with jax.enable_x64(True):
        x = jnp.asarray(rows(5), jnp.float64)
        traces = []

        @jax.jit
        def step(state):
            traces.append(state)
            return LAYER.apply(PARAMS, state, x, train=True)

        y, state = step(LAYER.init(jax.random.key(0))[1])
        _, state = step(state)
    assert y.dtype == jnp.float64
    assert {leaf.dtype for leaf in state} == {jnp.dtype("float32")}
    assert len(traces) == 1


def test_the_new_state_carries_no_gradient():
    def loss(x):
        _, state = LAYER.apply(PARAMS, STATE, x, train=True)
        return sum(leaf.sum() for leaf in state)

    np.testing.assert_array_equal(jax.grad(loss)(rows(4)), 0.0)


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (np.ones(3, bool), ValueError, r"mask of shape \(4,\), .* got shape \(3,\)"),
        (np.ones((4, 1), bool), ValueError, r"mask of shape \(4,\), .* got shape \(4, 1\)"),
        (np.ones(4), TypeError, r"expected a bool mask, .* got float32"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(mask, error, message):
    with pytest.raises(error, match=message):
        LAYER.apply(PARAMS, STATE, rows(4), train=True, mask=mask)


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
