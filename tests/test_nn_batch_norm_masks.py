"""Batch norm with hidden rows and with a batch that several devices share."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_nn_batch_norm import LAYER, PARAMS, STATE, normalised, rows, train

import nn


@jax.jit
@partial(jax.grad, argnums=(0, 1), has_aux=True)
def gradients_with_mask(params, x, state, mask):
    y, after = LAYER.apply(params, state, x, train=True, mask=mask)
    return y.sum(), (y, after)


@pytest.mark.parametrize("real", [0, 1])
def test_a_mask_that_leaves_fewer_than_two_rows_gives_beta_and_keeps_the_state(real):
    params = PARAMS._replace(beta=np.array([1.0, 2.0, 3.0], np.float32))
    _, state = train(rows(8, 5.0, 2.0))
    x, mask = rows(4, 1e4), np.arange(4) < real
    grads, (y, after) = gradients_with_mask(params, x, state, mask)
    np.testing.assert_array_equal(y, np.broadcast_to(params.beta, (4, 3)))
    np.testing.assert_array_equal(grads[1], 0.0)
    assert np.isfinite(grads[0]).all()
    for before, now in zip(state, after, strict=True):
        np.testing.assert_array_equal(now, before)


@jax.jit
@partial(jax.grad, argnums=(0, 1), has_aux=True)
def weighted_gradients(params, x, mask, weights):
    y, state = LAYER.apply(params, STATE, x, train=True, mask=mask)
    return jnp.sum(weights * y), (y, state)


@pytest.mark.parametrize("hidden", [np.nan, np.inf, -np.inf, 3e38])
def test_hidden_rows_change_neither_the_other_rows_nor_the_gradients(hidden):
    x, mask = rows(6, 4.0), np.array([1, 0, 1, 1, 0, 1], bool)
    x[~mask] = hidden
    weights = np.where(mask[:, None], np.cos(np.arange(18.0)).reshape(6, 3), 0)

    (params_grad, x_grad), (y, state) = weighted_gradients(PARAMS, x, mask, weights)
    (params_grad_real, x_grad_real), (y_real, state_real) = weighted_gradients(
        PARAMS, x[mask], None, weights[mask]
    )
    np.testing.assert_allclose(y[mask], y_real, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(y[~mask], 0.0)
    np.testing.assert_allclose(x_grad[mask], x_grad_real, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(x_grad[~mask], 0.0)
    for ours, expected in zip(
        (*params_grad, *state), (*params_grad_real, *state_real), strict=True
    ):
        np.testing.assert_allclose(ours, expected, rtol=2e-6, atol=1e-6)


def test_a_hidden_row_of_nan_gives_no_nan_gradient_at_inference():
    x, mask = rows(4), np.array([True, True, False, True])
    x[2] = np.nan

    def loss(params):
        y, _ = LAYER.apply(params, STATE, x, mask=mask)
        return jnp.sum(jnp.where(mask[:, None], y, 0))

    assert all(np.isfinite(leaf).all() for leaf in jax.jit(jax.grad(loss))(PARAMS))


def test_masked_shards_of_different_counts_equal_one_batch():
    layer = nn.batch_norm(3, axis_name="devices")
    x = rows(32, 1e3).reshape(4, 8, 3)
    mask: Any = np.arange(8) < np.array([8, 1, 0, 5])[:, None]
    x[~mask] = np.nan
    weights = np.where(mask[..., None], np.sin(np.arange(96.0)).reshape(4, 8, 3), 0)

    def over_devices(x):
        def shard(x, mask):
            return layer.apply(PARAMS, STATE, x, train=True, mask=mask)

        y, state = jax.vmap(shard, axis_name="devices")(x, mask)
        return jnp.sum(weights * y), (y, state)

    def on_one(x):
        y, state = LAYER.apply(PARAMS, STATE, x.reshape(32, 3), train=True, mask=mask.reshape(32))
        y = y.reshape(4, 8, 3)
        return jnp.sum(weights * y), (y, state)

    grad, (y, state) = jax.jit(jax.grad(over_devices, has_aux=True))(x)
    grad_one, (y_one, state_one) = jax.jit(jax.grad(on_one, has_aux=True))(x)
    np.testing.assert_allclose(y, y_one, rtol=0, atol=1e-6)
    np.testing.assert_allclose(grad, grad_one, rtol=0, atol=1e-6)
    for ours, expected in zip(state, state_one, strict=True):
        np.testing.assert_allclose(ours, np.broadcast_to(expected, ours.shape), rtol=1e-6)


def test_single_rows_on_several_devices_are_one_batch():
    layer = nn.batch_norm(3, axis_name="rows")
    x = rows(5, 2.0)

    @jax.jit
    @partial(jax.vmap, axis_name="rows", out_axes=(0, None))
    def train_on_row(row):
        return layer.apply(PARAMS, STATE, row, train=True)

    y, _ = train_on_row(x)
    np.testing.assert_allclose(y, normalised(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (np.ones(3, bool), ValueError, r"mask of shape \(4,\), .* got shape \(3,\)"),
        (np.ones((4, 1, 1), bool), ValueError, r"of shape \(4,\), .* got shape \(4, 1, 1\)"),
        (np.ones(4), TypeError, r"expected a bool mask, .* got float32"),
    ],
)
def test_a_mask_that_does_not_fit_raises_an_error(mask, error, message):
    with pytest.raises(error, match=message):
        LAYER.apply(PARAMS, STATE, rows(4), train=True, mask=mask)
