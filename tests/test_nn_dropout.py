"""Dropout: rates at the edges, masks that stay put, and what the masks say about uncertainty."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.random import threefry2x32_p

import nn
from nn._threefry import blocks


def drop(rate, x, key):
    return nn.dropout(rate).apply((), (), x, key=key)[0]


@pytest.mark.parametrize("rate", [1.5, -0.5, float("nan")])
def test_a_rate_outside_0_to_1_raises(rate):
    with pytest.raises(ValueError, match=rf"dropout rate must be in \[0, 1\], got {rate}"):
        nn.dropout(rate)


@pytest.mark.parametrize("as_traced", [False, True])
def test_rate_1_gives_zeros_with_zero_gradient(as_traced):
    x = jnp.array([1.0, -2.0, jnp.inf])

    def total(x, rate):
        return drop(rate if as_traced else 1.0, x, jax.random.key(0)).sum()

    value, grad = jax.jit(jax.value_and_grad(total))(x, 1.0)
    assert value == 0
    np.testing.assert_array_equal(grad, 0.0)


def test_a_traced_rate_out_of_range_is_clipped():
    x = jnp.arange(1.0, 9.0)
    at = jax.jit(lambda rate: drop(rate, x, jax.random.key(0)))
    np.testing.assert_array_equal(at(-0.5), x)
    np.testing.assert_array_equal(at(1.5), 0.0)


def test_rate_0_is_the_identity_and_needs_no_key():
    x = jnp.arange(3.0)
    assert nn.dropout(0.0).apply((), (), x, train=True)[0] is x


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.999, 2**-15, 1 / 3])
def test_kept_units_are_scaled_by_one_over_the_share_really_kept(rate):
    n = 2**20
    y = np.asarray(jax.jit(drop)(rate, jnp.ones(n), jax.random.key(0)), np.float64)
    kept = 1 - round(rate * 2**16) / 2**16
    assert abs((1 - kept) - rate) <= 2**-17
    np.testing.assert_allclose(np.unique(y[y > 0]), 1 / kept, rtol=1e-7)
    spread = np.sqrt(kept * (1 - kept) / n)
    assert abs(np.mean(y > 0) - kept) < 4 * spread
    assert abs(y.mean() - 1) < 4 * spread / kept


@pytest.mark.parametrize("units", [7, 66])
def test_units_of_one_mask_are_independent(units):
    y = np.asarray(drop(0.5, jnp.ones((20_000, units)), jax.random.key(0))) > 0
    correlation = np.corrcoef(y.T) - np.eye(units)
    assert np.abs(correlation).max() < 5 / np.sqrt(20_000)
    rows_apart = np.corrcoef(y[:-1].ravel(), y[1:].ravel())[0, 1]
    assert abs(rows_apart) < 4 / np.sqrt(20_000 * units)


@pytest.mark.parametrize("shape", [(), (1,), (5, 3), (2, 3, 4)])
def test_any_shape_can_be_dropped(shape):
    y = drop(0.5, jnp.ones(shape), jax.random.key(0))
    assert y.shape == shape
    assert set(np.ravel(y)) <= {0.0, 2.0}


def test_what_is_dropped_passes_nothing_on_not_even_nan():
    x = jnp.full(64, jnp.nan)
    y = np.asarray(drop(0.5, x, jax.random.key(0)))
    assert 0 < np.isnan(y).sum() < 64
    assert (y[~np.isnan(y)] == 0).all()


def test_half_precision_keeps_its_dtype_and_its_mean():
    y = drop(0.1, jnp.ones(2**16, jnp.bfloat16), jax.random.key(0))
    assert y.dtype == jnp.bfloat16
    assert abs(np.asarray(y, np.float64).mean() - 1) < 0.01


def test_a_key_used_twice_is_refused_where_jax_checks_for_it():
    key = jax.random.key(0)
    drop(0.5, jnp.ones(4), key)
    with pytest.raises(jax.errors.KeyReuseError):
        drop(0.5, jnp.ones(4), key)


def test_layers_appended_to_a_network_change_neither_masks_nor_parameters_before_them():
    block = (nn.dense(3, 8), nn.dropout(0.5))
    short, long = nn.serial(*block), nn.serial(*block, nn.dropout(0.5), nn.dense(8, 2))
    params, state = short.init(jax.random.key(0))
    longer_params, longer_state = long.init(jax.random.key(0))
    np.testing.assert_array_equal(longer_params[0].weight, params[0].weight)
    x = jnp.ones((4, 3))
    y, _ = short.apply(params, state, x, key=jax.random.key(1))
    kept_before = nn.serial(*block, nn.dropout(0.5))
    z, _ = kept_before.apply(
        longer_params[:3], longer_state[:3], x, key=jax.random.key(1), train=True
    )
    survivors = np.asarray(z) != 0
    assert 0 < survivors.sum() < (np.asarray(y) != 0).sum()
    np.testing.assert_allclose(z[survivors], 2 * y[survivors], rtol=1e-6)


def test_another_key_gives_another_mask_and_the_same_key_the_same():
    x = jnp.ones(64)
    first, again, other = (drop(0.5, x, jax.random.key(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("units", "blocks_of_a_row"), [(10, 10), (63, 63), (64, 16), (98, 25)])
def test_four_units_of_a_wide_row_share_one_block_of_the_default_generator(units, blocks_of_a_row):
    key = jax.random.key(0)
    traced = str(jax.make_jaxpr(lambda x: drop(0.5, x, key))(jnp.ones((3, units))))
    rounds = [line for line in traced.splitlines() if "shift_left" in line]
    assert len(rounds) == 20
    assert all(f"u32[3,{blocks_of_a_row}]" in line for line in rounds)


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_the_blocks_are_those_of_the_default_generator(seed, shape):
    first, second = jax.random.key_data(jax.random.key(seed))
    place = jnp.arange(np.prod(shape, dtype=int), dtype=jnp.uint32).reshape(shape)
    block = jnp.broadcast_arrays(first, second, jnp.zeros_like(place), place)
    np.testing.assert_array_equal(blocks(jax.random.key(seed), shape), threefry2x32_p.bind(*block))


def test_an_rbg_key_draws_masks_too():
    y = np.asarray(drop(0.25, jnp.ones(2**16), jax.random.key(0, impl="rbg")))
    assert abs(y.mean() - 1) < 0.01


def test_a_traced_rate_costs_one_trace_for_a_whole_search():
    traces = []

    @jax.jit
    def loss(rate, key):
        traces.append(rate)
        model = nn.mlp((3, 4, 1), dropout=rate)
        params, state = model.init(jax.random.key(0))
        return model.apply(params, state, jnp.ones((2, 3)), key=key, train=True)[0].sum()

    keys = jax.random.split(jax.random.key(1), 3)
    values = [loss(rate, key) for rate, key in zip((0.0, 0.5, 1.0), keys, strict=True)]
    assert len(traces) == 1
    assert np.isfinite(values).all()


def test_monte_carlo_gives_mean_and_spread_over_masks_with_batch_norm_frozen():
    model = nn.serial(nn.batch_norm(3), nn.dropout(0.5))
    params, state = model.init(jax.random.key(0))
    x = jnp.asarray(np.random.default_rng(0).normal(5, 2, size=(4, 3)), jnp.float32)
    _, state = model.apply(params, state, x, key=jax.random.key(2), train=True)
    mean, std = jax.jit(lambda state, key: nn.monte_carlo(model, params, state, x, key, samples=4))(
        state, jax.random.key(3)
    )
    keys = jax.random.split(jax.random.key(3), 4)
    draws = np.stack([model.apply(params, state, x, key=key)[0] for key in keys]).astype(float)
    np.testing.assert_allclose(mean, draws.mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(std, draws.std(0), rtol=1e-5, atol=1e-6)


def test_monte_carlo_finds_the_closed_form_of_a_single_dropout_layer():
    model = nn.dropout(0.25)
    mean, std = nn.monte_carlo(
        model, (), (), jnp.array([3.0, -1.0]), jax.random.key(0), samples=20_000
    )
    spread = np.sqrt(0.25 / 0.75)  # of one unit of input
    np.testing.assert_allclose(mean, [3.0, -1.0], rtol=4 * spread / np.sqrt(20_000))
    np.testing.assert_allclose(std, [3 * spread, spread], rtol=0.02)


def test_monte_carlo_needs_a_whole_number_of_samples():
    with pytest.raises(ValueError, match=r"samples to be at least 1, got 0"):
        nn.monte_carlo(nn.dropout(0.5), (), (), jnp.ones(2), jax.random.key(0), samples=0)
