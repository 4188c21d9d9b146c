"""Layers that compute each row by itself: layer norm, RMS norm, embedding and flatten."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import nn

X: Any = np.random.default_rng(0).normal(size=(4, 3, 5)).astype(np.float32)


def ones(features):
    return np.ones(features, np.float32)


def vectors(size, features):
    """Parameters of an embedding."""
    weight = np.random.default_rng(0).normal(size=(size, features)).astype(np.float32)
    return nn.Embedding(weight=weight)


@pytest.mark.parametrize("mean", [0.0, 1e4, 1e7])
def test_layer_norm_is_exact_for_rows_with_a_large_mean(mean):
    x: Any = (mean + np.random.default_rng(0).normal(size=(4, 300))).astype(np.float32)
    layer = nn.layer_norm(300)
    y, _ = jax.jit(layer.apply)(nn.LayerNorm(ones(300), 0 * ones(300)), (), x)
    wide = x.astype(np.float64)
    expected = (wide - wide.mean(-1, keepdims=True)) / np.sqrt(wide.var(-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)


def test_layer_norm_applies_gamma_and_beta_and_takes_a_constant_row_to_beta():
    gamma, beta = np.arange(5.0, dtype=np.float32), np.array([1, -1, 2, -2, 0], np.float32)
    layer = jax.jit(nn.layer_norm(5).apply)
    y, _ = layer(nn.LayerNorm(gamma, beta), (), np.full((2, 5), 0.1, np.float32))
    np.testing.assert_array_equal(y, np.broadcast_to(beta, (2, 5)))
    y, _ = layer(nn.LayerNorm(gamma, beta), (), X)
    wide = X.astype(np.float64)
    expected = (wide - wide.mean(-1, keepdims=True)) / np.sqrt(wide.var(-1, keepdims=True) + 1e-5)
    expected = expected * gamma + beta
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


def test_layer_norm_takes_any_constant_row_to_zero():
    layer, params = nn.layer_norm(1000), nn.LayerNorm(ones(1000), 0 * ones(1000))
    x = np.array([[1e9], [42195.0546875], [-8.3e6]], np.float32) * ones(1000)
    np.testing.assert_array_equal(jax.jit(layer.apply)(params, (), x)[0], 0.0)


def test_rms_norm_divides_by_the_root_mean_square():
    params = nn.RMSNorm(np.arange(1.0, 6.0, dtype=np.float32))
    y, _ = jax.jit(nn.rms_norm(5).apply)(params, (), X)
    wide = X.astype(np.float64)
    expected = wide / np.sqrt(np.mean(wide**2, -1, keepdims=True) + 1e-5) * np.arange(1, 6)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layer", [nn.layer_norm(5), nn.rms_norm(5)])
def test_half_precision_rows_are_normalised_in_float32_and_keep_their_dtype(layer):
    x = (300 * X).astype(np.float16)  # its square overflows float16
    params, state = layer.init(jax.random.key(0))
    apply = jax.jit(layer.apply)
    y, _ = apply(params, state, x)
    assert y.dtype == jnp.float16
    expected, _ = apply(params, state, x.astype(np.float32))
    np.testing.assert_allclose(np.asarray(y, np.float32), expected, rtol=1e-3, atol=1e-3)


def test_embedding_gives_the_vector_of_each_id_and_adds_the_gradients_of_equal_ids():
    layer, params = nn.embedding(6, 3), vectors(6, 3)
    ids = np.array([[0, 5], [2, 2]])

    @jax.jit
    @partial(jax.grad, has_aux=True)
    def grad_and_value(params):
        y, _ = layer.apply(params, (), ids)
        return y.sum(), y

    grad, y = grad_and_value(params)
    np.testing.assert_array_equal(y, params.weight[ids])
    np.testing.assert_array_equal(np.asarray(grad.weight)[:, 0], [1, 0, 2, 0, 0, 1])


def test_an_id_out_of_range_gives_nan():
    params = vectors(6, 3)
    y, _ = jax.jit(nn.embedding(6, 3).apply)(params, (), np.array([1, -1, 6, 1000]))
    np.testing.assert_array_equal(np.asarray(y)[0], params.weight[1])
    assert np.isnan(np.asarray(y)[1:]).all()


def test_ids_that_are_not_integers_raise_an_error():
    with pytest.raises(TypeError, match=r"embedding\(6, 3\) expected integer ids, got float32"):
        nn.embedding(6, 3).apply(vectors(6, 3), (), ones(3))


def test_flatten_keeps_the_batch_axis_even_if_it_is_empty():
    y, _ = nn.flatten().apply((), (), X)
    np.testing.assert_array_equal(y, X.reshape(4, 15))
    assert nn.flatten().apply((), (), X[:0])[0].shape == (0, 15)


def test_a_64_bit_id_out_of_range_gives_nan_whatever_its_lower_half_is():
    params, apply = vectors(5, 3), nn.embedding(5, 3).apply
    params = jax.tree.map(jnp.asarray, params)
    ids = np.array([2**32 + 1, -(2**32), 1])
    outputs = [apply(params, (), ids)[0]]  # under jit the ids would be int32 before the layer
    with jax.enable_x64(True):
        outputs.append(jax.jit(apply)(params, (), ids)[0])
    for y in map(np.asarray, outputs):
        assert np.isnan(y[:2]).all()
        np.testing.assert_array_equal(y[2], np.asarray(params.weight)[1])


def test_int8_ids_work_with_more_vectors_than_int8_has_values():
    params = vectors(1000, 2)
    y, _ = jax.jit(nn.embedding(1000, 2).apply)(params, (), np.array([100, -1], np.int8))
    np.testing.assert_array_equal(np.asarray(y)[0], params.weight[100])
    assert np.isnan(np.asarray(y)[1]).all()


def test_ids_sharded_over_a_mesh_of_explicit_axes_give_the_same_vectors():
    layer, params = nn.embedding(8, 3), vectors(8, 3)
    mesh = jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Explicit,))
    ids = np.arange(8).reshape(4, 2)

    @jax.jit
    @jax.value_and_grad
    def total(params, ids):
        return (layer.apply(params, (), ids)[0] ** 2).sum()

    expected = total(params, ids)
    with jax.set_mesh(mesh):
        spread = jax.device_put(ids, NamedSharding(mesh, P("data")))
        params = jax.device_put(params, NamedSharding(mesh, P()))
        value, grad = total(params, spread)
    np.testing.assert_allclose(value, expected[0], rtol=1e-6)
    np.testing.assert_allclose(grad.weight, expected[1].weight, rtol=1e-6)
