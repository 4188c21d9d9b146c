"""Layers that treat each row by itself: layer norm, RMS norm, embedding, flatten."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import nn

X: Any = np.random.default_rng(0).normal(size=(4, 3, 5)).astype(np.float32)


@pytest.mark.parametrize("mean", [0.0, 1e4, 1e7])
def test_layer_norm_is_right_for_rows_far_from_zero(mean):
    x: Any = (mean + np.random.default_rng(0).normal(size=(4, 300))).astype(np.float32)
    layer = nn.layer_norm(300)
    y, _ = jax.jit(layer.apply)(*layer.init(jax.random.key(0)), x)
    wide = x.astype(np.float64)
    expected = (wide - wide.mean(-1, keepdims=True)) / np.sqrt(wide.var(-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)


def test_layer_norm_applies_gamma_and_beta_and_takes_a_constant_row_to_beta():
    params = nn.LayerNorm(jnp.arange(5.0), jnp.array([1.0, -1.0, 2.0, -2.0, 0.0]))
    y, _ = nn.layer_norm(5).apply(params, (), jnp.full((2, 5), 0.1))
    np.testing.assert_array_equal(y, np.broadcast_to(params.beta, (2, 5)))
    y, _ = nn.layer_norm(5).apply(params, (), X)
    wide = X.astype(np.float64)
    expected = (wide - wide.mean(-1, keepdims=True)) / np.sqrt(wide.var(-1, keepdims=True) + 1e-5)
    expected = expected * np.asarray(params.gamma) + np.asarray(params.beta)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


def test_layer_norm_takes_any_constant_row_to_zero():
    layer = nn.layer_norm(1000)
    params, _ = layer.init(jax.random.key(0))
    x = jnp.broadcast_to(jnp.array([[1e9], [42195.0546875], [-8.3e6]]), (3, 1000))
    np.testing.assert_array_equal(jax.jit(layer.apply)(params, (), x)[0], 0.0)


def test_rms_norm_divides_by_the_root_mean_square():
    params = nn.RMSNorm(jnp.arange(1.0, 6.0))
    y, _ = nn.rms_norm(5).apply(params, (), X)
    wide = X.astype(np.float64)
    expected = wide / np.sqrt(np.mean(wide**2, -1, keepdims=True) + 1e-5) * np.arange(1, 6)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layer", [nn.layer_norm(5), nn.rms_norm(5)])
def test_half_precision_rows_are_normalised_in_float32_and_keep_their_dtype(layer):
    x = jnp.asarray(300 * X, jnp.float16)  # its square overflows float16
    params, state = layer.init(jax.random.key(0))
    y, _ = layer.apply(params, state, x)
    assert y.dtype == jnp.float16
    expected, _ = layer.apply(params, state, x.astype(jnp.float32))
    np.testing.assert_allclose(np.asarray(y, np.float32), expected, rtol=1e-3, atol=1e-3)


def test_embedding_looks_up_a_row_for_each_id_and_sums_the_gradients_of_repeats():
    layer = nn.embedding(6, 3)
    params, state = layer.init(jax.random.key(0))
    ids = jnp.array([[0, 5], [2, 2]])
    y, _ = layer.apply(params, state, ids)
    np.testing.assert_array_equal(y, np.asarray(params.weight)[np.asarray(ids)])
    grad = jax.grad(lambda p: layer.apply(p, state, ids)[0].sum())(params)
    np.testing.assert_array_equal(grad.weight[:, 0], [1, 0, 2, 0, 0, 1])


@pytest.mark.parametrize("bad", [-1, 6, 1000])
def test_an_id_out_of_range_gives_nan_and_never_another_row(bad):
    layer = nn.embedding(6, 3)
    params, state = layer.init(jax.random.key(0))
    y, _ = jax.jit(layer.apply)(params, state, jnp.array([1, bad]))
    np.testing.assert_array_equal(y[0], params.weight[1])
    assert np.isnan(y[1]).all()


def test_embedding_wants_integers():
    layer = nn.embedding(6, 3)
    with pytest.raises(TypeError, match=r"embedding\(6, 3\) expected integer ids, got float32"):
        layer.apply(*layer.init(jax.random.key(0)), jnp.ones(3))


def test_flatten_keeps_the_batch_even_an_empty_one():
    y, _ = nn.flatten().apply((), (), X)
    np.testing.assert_array_equal(y, X.reshape(4, 15))
    assert nn.flatten().apply((), (), jnp.ones((0, 3, 5)))[0].shape == (0, 15)


def test_a_64_bit_id_is_never_taken_for_the_id_in_its_lower_half():
    layer = nn.embedding(5, 3)
    params, _ = layer.init(jax.random.key(0))
    ids = np.array([2**32 + 1, -(2**32), 1])
    found = [layer.apply(params, (), ids)[0]]
    with jax.enable_x64(True):
        found.append(layer.apply(params, (), jnp.asarray(ids))[0])
    for vectors in found:
        assert np.isnan(vectors[:2]).all()
        np.testing.assert_array_equal(vectors[2], params.weight[1])


def test_short_ids_may_be_fewer_than_the_vectors():
    layer = nn.embedding(1000, 2)
    params, _ = layer.init(jax.random.key(0))
    y, _ = layer.apply(params, (), jnp.array([100, -1], jnp.int8))
    np.testing.assert_array_equal(y[0], params.weight[100])
    assert np.isnan(y[1]).all()


def test_ids_spread_over_a_mesh_of_explicit_axes_find_their_vectors():
    layer = nn.embedding(8, 3)
    params, _ = layer.init(jax.random.key(0))
    mesh = jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Explicit,))
    ids = jnp.arange(8).reshape(4, 2)

    def total(params, ids):
        return (layer.apply(params, (), ids)[0] ** 2).sum()

    expected = jax.value_and_grad(total)(params, ids)
    with jax.set_mesh(mesh):
        spread = jax.device_put(ids, NamedSharding(mesh, P("data")))
        params = jax.device_put(params, NamedSharding(mesh, P()))
        found = jax.jit(jax.value_and_grad(total))(params, spread)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
    np.testing.assert_allclose(found[1].weight, expected[1].weight, rtol=1e-6)
