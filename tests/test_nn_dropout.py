"""Dropout: rates from 0 to 1, the masks it draws, and Monte Carlo dropout."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from backends import exact_on_cpus
from jax.extend.random import threefry2x32_p

import nn
from nn._threefry import blocks


def drop(rate, x, key):
    return nn.dropout(rate).apply((), (), x, key=key)[0]


drop_known = jax.jit(drop, static_argnums=0)
drop_traced = jax.jit(drop)


def ones(*shape):
    return np.ones(shape, np.float32)


@pytest.mark.parametrize("rate", [1.5, -0.5, float("nan")])
def test_a_rate_outside_0_to_1_raises_an_error(rate):
    with pytest.raises(ValueError, match=rf"dropout rate must be in \[0, 1\], got {rate}"):
        nn.dropout(rate)


@pytest.mark.parametrize("as_traced", [False, True])
def test_rate_1_gives_zeros_with_zero_gradient(as_traced):
    x = np.array([1.0, -2.0, np.inf], np.float32)

    def total(x, rate):
        return drop(rate if as_traced else 1.0, x, jax.random.key(0)).sum()

    value, grad = jax.jit(jax.value_and_grad(total))(x, 1.0)
    assert float(value) == 0
    np.testing.assert_array_equal(grad, 0.0)


def test_a_traced_rate_out_of_range_is_clipped():
    x = np.arange(1.0, 9.0, dtype=np.float32)
    np.testing.assert_array_equal(drop_traced(-0.5, x, jax.random.key(0)), x)
    np.testing.assert_array_equal(drop_traced(1.5, x, jax.random.key(0)), 0.0)


def test_rate_0_is_the_identity_and_needs_no_key():
    x = ones(3)
    assert nn.dropout(0.0).apply((), (), x, train=True)[0] is x


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.999, 2**-15, 1 / 3])
def test_kept_units_are_divided_by_the_rounded_probability_to_keep_them(rate):
    n = 2**20
    y = np.asarray(drop_traced(rate, ones(n), jax.random.key(0)), np.float64)
    kept = 1 - round(rate * 2**16) / 2**16
    assert abs((1 - kept) - rate) <= 2**-17
    np.testing.assert_allclose(np.unique(y[y > 0]), 1 / kept, rtol=1e-7)
    spread = np.sqrt(kept * (1 - kept) / n)
    assert abs(np.mean(y > 0) - kept) < 4 * spread
    assert abs(y.mean() - 1) < 4 * spread / kept


@pytest.mark.parametrize("units", [7, 66])
def test_the_units_of_a_mask_are_independent(units):
    y = np.asarray(drop_known(0.5, ones(20_000, units), jax.random.key(0))) > 0
    correlation = np.corrcoef(y.T) - np.eye(units)
    assert np.abs(correlation).max() < 5 / np.sqrt(20_000)
    rows_apart = np.corrcoef(y[:-1].ravel(), y[1:].ravel())[0, 1]
    assert abs(rows_apart) < 4 / np.sqrt(20_000 * units)


@pytest.mark.parametrize("shape", [(), (1,), (5, 3), (2, 3, 4)])
def test_an_input_may_have_any_shape(shape):
    y = drop_known(0.5, ones(*shape), jax.random.key(0))
    assert y.shape == shape
    assert set(np.asarray(y).ravel()) <= {0.0, 2.0}


def test_a_dropped_nan_becomes_zero():
    y = np.asarray(drop_known(0.5, ones(64) * np.nan, jax.random.key(0)))
    assert 0 < np.isnan(y).sum() < 64
    assert (y[~np.isnan(y)] == 0).all()


def test_half_precision_keeps_its_dtype_and_its_mean():
    y = drop_known(0.1, ones(2**16).astype(jnp.bfloat16), jax.random.key(0))
    assert y.dtype == jnp.bfloat16
    assert abs(np.asarray(y, np.float64).mean() - 1) < 0.01


def test_a_key_used_twice_raises_an_error_if_jax_checks_for_it():
    key = jax.random.key(0)
    drop(0.5, ones(4), key)
    with pytest.raises(jax.errors.KeyReuseError):
        drop(0.5, ones(4), key)


def test_appended_layers_change_neither_the_masks_nor_the_parameters_before_them():
    block = (nn.dense(3, 8), nn.dropout(0.5))
    short, long = nn.serial(*block), nn.serial(*block, nn.dropout(0.5), nn.dense(8, 2))
    params, state = jax.jit(short.init)(jax.random.key(0))
    longer_params, longer_state = jax.jit(long.init)(jax.random.key(0))
    np.testing.assert_array_equal(longer_params[0].weight, params[0].weight)
    y, _ = jax.jit(short.apply)(params, state, ones(4, 3), key=jax.random.key(1))
    all_but_last = jax.jit(partial(nn.serial(*block, nn.dropout(0.5)).apply, train=True))
    z, _ = all_but_last(longer_params[:3], longer_state[:3], ones(4, 3), key=jax.random.key(1))
    y, z = np.asarray(y), np.asarray(z)
    survivors = z != 0
    assert 0 < survivors.sum() < (y != 0).sum()
    np.testing.assert_allclose(z[survivors], 2 * y[survivors], rtol=1e-6)


def test_another_key_gives_another_mask_and_the_same_key_the_same():
    first, again, other = (drop_known(0.5, ones(64), jax.random.key(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("units", "blocks_of_a_row"), [(10, 10), (63, 63), (64, 16), (98, 25)])
def test_four_units_of_a_wide_row_share_one_block_of_the_default_generator(units, blocks_of_a_row):
    key = jax.random.key(0)
    traced = str(jax.make_jaxpr(lambda x: drop(0.5, x, key))(ones(3, units)))
    rounds = [line for line in traced.splitlines() if "shift_left" in line]
    assert len(rounds) == 20
    assert all(f"u32[3,{blocks_of_a_row}]" in line for line in rounds)


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_blocks_equal_those_of_the_default_generator(seed, shape):
    first, second = np.asarray(jax.random.key_data(jax.random.key(seed)))
    place = np.arange(np.prod(shape, dtype=int), dtype=np.uint32).reshape(shape)
    block = [np.full_like(place, word) for word in (first, second, 0)]
    expected = threefry2x32_p.bind(*block, place)
    np.testing.assert_array_equal(blocks(jax.random.key(seed), shape), expected)


def test_an_rbg_key_draws_masks_too():
    y = np.asarray(drop_known(0.25, ones(2**16), jax.random.key(0, impl="rbg")))
    assert abs(y.mean() - 1) < 0.01


def test_networks_with_different_traced_rates_are_traced_once():
    traces = []

    @jax.jit
    def loss(rate, key):
        traces.append(rate)
        model = nn.mlp((3, 4, 1), dropout=rate)
        params, state = model.init(jax.random.key(0))
        return model.apply(params, state, ones(2, 3), key=key, train=True)[0].sum()

    keys = jax.random.split(jax.random.key(1), 3)
    values = [loss(rate, key) for rate, key in zip((0.0, 0.5, 1.0), keys, strict=True)]
    assert len(traces) == 1
    assert np.isfinite(values).all()


def test_monte_carlo_gives_mean_and_deviation_over_masks_with_batch_norm_frozen():
    model = nn.serial(nn.batch_norm(3), nn.dropout(0.5))
    params, state = jax.jit(model.init)(jax.random.key(0))
    x = np.random.default_rng(0).normal(5, 2, size=(4, 3)).astype(np.float32)

    @jax.jit
    def train_and_predict(state, train_key, key):
        _, state = model.apply(params, state, x, key=train_key, train=True)
        return state, nn.monte_carlo(model, params, state, x, key, samples=4)

    state, (mean, std) = train_and_predict(state, jax.random.key(2), jax.random.key(3))
    draw = jax.jit(model.apply)
    keys = jax.random.split(jax.random.key(3), 4)
    draws = np.stack([draw(params, state, x, key=key)[0] for key in keys]).astype(float)
    np.testing.assert_allclose(mean, draws.mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(std, draws.std(0), rtol=1e-5, atol=1e-6)


def test_monte_carlo_of_one_dropout_layer_equals_the_closed_form():
    predict = jax.jit(partial(nn.monte_carlo, nn.dropout(0.25), (), (), samples=20_000))
    mean, std = predict(np.array([3.0, -1.0], np.float32), jax.random.key(0))
    spread = np.sqrt(0.25 / 0.75)  # deviation for an input of 1
    np.testing.assert_allclose(mean, [3.0, -1.0], rtol=4 * spread / np.sqrt(20_000))
    np.testing.assert_allclose(std, [3 * spread, spread], rtol=0.02)


def test_monte_carlo_with_no_samples_raises_an_error():
    with pytest.raises(ValueError, match=r"samples to be at least 1, got 0"):
        nn.monte_carlo(nn.dropout(0.5), (), (), ones(2), jax.random.key(0), samples=0)


@exact_on_cpus
def test_monte_carlo_of_a_dict_holds_one_chunk_of_draws_and_gives_the_moments_of_all():
    layer = nn.dropout(0.5)

    def heads(params, state, x, *, key=None, train=False, mask=None):
        y = layer.apply((), (), x, key=key)[0]
        return {"far": y + 1e4, "half": y.astype(jnp.float16), "sure": x}, state

    model = nn.Layer(init=layer.init, apply=heads)
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    draw = jax.jit(lambda key: heads((), (), x, key=key)[0])
    draws = [draw(key) for key in jax.random.split(jax.random.key(3), 7)]
    for chunk in (1, 3, 100):  # 7 draws are 2 whole chunks of 3 and a part
        mean, std = nn.monte_carlo(model, (), (), x, jax.random.key(3), samples=7, chunk=chunk)
        for name in draws[0]:
            values = np.stack([np.asarray(part[name], np.float64) for part in draws])
            np.testing.assert_allclose(mean[name], values.mean(axis=0), rtol=1e-6, atol=1e-6)
            np.testing.assert_allclose(std[name], values.std(axis=0), rtol=1e-4, atol=1e-6)
            assert mean[name].dtype == std[name].dtype == jnp.float32
        assert std["sure"].max() == 0


def test_the_memory_of_monte_carlo_does_not_depend_on_the_number_of_draws():
    model, x = nn.dropout(0.5), jnp.ones((4, 5000))

    def temporary(samples, chunk):
        call = partial(nn.monte_carlo, model, (), (), samples=samples, chunk=chunk)
        return jax.jit(call).lower(x, jax.random.key(0)).compile().memory_analysis()

    few = temporary(4, 2).temp_size_in_bytes
    assert temporary(400, 2).temp_size_in_bytes < few + x.nbytes
    assert temporary(400, 4).temp_size_in_bytes > few + x.nbytes


def test_the_text_of_a_program_holds_the_generator_once_for_layers_of_one_shape():
    def text(depth):
        model = nn.mlp((8, *[64] * depth, 3), dropout=0.5)
        shapes = jax.eval_shape(model.init, jax.random.key(0))
        apply = jax.jit(lambda p, s, x, key: model.apply(p, s, x, key=key, train=True)[0])
        return apply.lower(*shapes, jnp.ones((4, 8)), jax.random.key(1)).as_text()

    assert text(2).count("stablehlo.xor") == text(7).count("stablehlo.xor") > 20


def test_draws_of_an_infinite_output_agree_and_those_of_nan_are_nan():
    x = np.array([np.inf, -np.inf, np.nan, 3.0], np.float32)
    layer = nn.activation(nn.relu)
    mean, std = nn.monte_carlo(layer, (), (), x, jax.random.key(0), samples=5, chunk=2)
    np.testing.assert_array_equal(mean, [np.inf, 0, np.nan, 3])
    np.testing.assert_array_equal(std, [0, 0, np.nan, 0])
