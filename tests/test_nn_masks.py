"""Masks of every layer: what is hidden changes no value, no state and no gradient."""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_nn_contract import LAYERS as OF_ROWS

import nn

BATCH, TIME = 5, 6
#: Rows of 6, 4, 1 and 0 real steps, and one with a gap.
MASK: Any = np.arange(TIME) < np.array([6, 4, 1, 0, 6])[:, None]
MASK[4, 2] = False
#: Layers over `[batch, time, 3]`, and whether a step sees others, so that it cannot be left out.
LAYERS = {
    "dense": nn.dense(3, 4),
    "log": nn.activation(jnp.log),  # has no finite derivative where hidden entries are put to 0
    "sigmoid": nn.activation(nn.sigmoid),
    "softmax": nn.activation(nn.softmax),
    "prelu": nn.prelu(3),
    "batch_norm": nn.batch_norm(3),
    "layer_norm": nn.layer_norm(3),
    "rms_norm": nn.rms_norm(3),
    "dropout": nn.dropout(0.3),
    "conv": nn.conv(3, 4, (3,)),
    "max_pool": nn.max_pool((2,)),
    "avg_pool": nn.avg_pool((3,), strides=1, padding="SAME"),
    "flatten": nn.flatten(),
    "residual": nn.residual(nn.dense(3, 3)),
    "repeat": nn.repeat(nn.serial(nn.dense(3, 3), nn.batch_norm(3)), 2),
    "mlp": nn.mlp((3, 5, 2), batch_norm=True, dropout=0.3),
    "elman": nn.elman(3, 2),
    "lstm": nn.lstm(3, 2),
    "lstm backwards": nn.lstm(3, 2, reverse=True),
    "last state of gru": nn.serial(nn.gru(3, 4, every_step=False), nn.dense(4, 2)),
    "attention": nn.attention(3, heads=3),
    "causal attention": nn.attention(3, heads=1, causal=True),
    "sinusoidal_positions": nn.sinusoidal_positions(3),
    "learned_positions": nn.learned_positions(7, 3),
    "global_avg_pool": nn.serial(nn.global_avg_pool(), nn.batch_norm(3)),
    "global_max_pool": nn.serial(nn.global_max_pool(), nn.layer_norm(3)),
    "concatenate": nn.concatenate(nn.dense(3, 2), nn.batch_norm(3)),
    "frozen": nn.frozen(nn.dense(3, 2)),
    "with_mask": nn.with_mask(nn.batch_norm(3), lambda x: x[..., 1] < 1.8),
    "mixed_precision": nn.mixed_precision(nn.serial(nn.dense(3, 4), nn.layer_norm(4))),
}


def inputs(seed=0, *, shape=(BATCH, TIME, 3)) -> Any:
    return np.random.default_rng(seed).uniform(0.5, 2.0, shape).astype(np.float32)


def draw(layer):
    """Parameters of the layer's shapes, drawn by NumPy, and its state."""
    params, state = jax.eval_shape(layer.init, jax.random.key(0))
    random = np.random.default_rng(1)
    params = jax.tree.map(lambda p: random.normal(size=p.shape).astype(p.dtype), params)
    return params, jax.tree.map(lambda s: np.ones(s.shape, s.dtype), state)


def trained(layer, mask):
    """What training shows of a layer, compiled: outputs and state, and the gradients of a sum."""

    def total(params, x, state):
        key = jax.random.key(2)
        y, after = layer.apply(params, state, x, key=key, train=True, mask=mask)
        real = mask if mask.ndim < y.ndim else mask.any(axis=1)
        if y.shape[: real.ndim] != real.shape:  # max_pool over 2 steps
            real = real.reshape(BATCH, -1, 2).any(axis=2)
        y = jnp.where(real.reshape(real.shape + (1,) * (y.ndim - real.ndim)), y, 0)
        return jnp.sum(jnp.cos(jnp.arange(y.size)).reshape(y.shape) * y), (y, after)

    return jax.jit(jax.grad(total, argnums=(0, 1), has_aux=True))


def assert_equal(actual, expected):
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(a, e)


def hidden_changes_nothing(layer, mask, x):
    """Assert that what training shows is the same, and finite, whatever the hidden entries hold."""
    params, state = draw(layer)
    step, seen = trained(layer, mask), []
    for value in (1.0, np.nan, -np.inf):
        x[~mask] = value
        grads, (y, after) = step(params, x, state)
        seen.append((grads, y, after))
        assert_equal(np.asarray(grads[1])[~mask], 0.0)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(seen[-1]))
    assert_equal(seen[1], seen[0])
    assert_equal(seen[2], seen[0])


@pytest.mark.parametrize("name", LAYERS)
def test_hidden_steps_change_no_value_no_state_and_no_gradient(name):
    hidden_changes_nothing(LAYERS[name], MASK, inputs())


@pytest.mark.parametrize("name", ["dense", "max_pool", "lstm", "attention", "global_avg_pool"])
def test_hidden_rows_of_sequences_change_no_value_no_state_and_no_gradient(name):
    hidden_changes_nothing(LAYERS[name], MASK.any(axis=1), inputs())


@pytest.mark.parametrize("name", ["conv 2-D", "max_pool", "avg_pool", "batch_norm of images"])
def test_hidden_rows_of_images_change_no_value_no_state_and_no_gradient(name):
    layer, shape = OF_ROWS[name]
    hidden_changes_nothing(layer, np.arange(BATCH) != 1, inputs(shape=(BATCH, *shape)))


@pytest.mark.parametrize("name", LAYERS)
def test_a_mask_without_a_hidden_entry_changes_nothing(name):
    layer = LAYERS[name]
    params, state = draw(layer)

    @jax.jit
    def both(x):
        masks = None, np.ones((BATCH, TIME), bool)
        return [layer.apply(params, state, x, mask=mask) for mask in masks]

    without, with_mask = map(jax.tree.leaves, both(inputs()))
    for a, e in zip(with_mask, without, strict=True):
        rounding = 2**-7 if name == "mixed_precision" else 1e-6
        np.testing.assert_allclose(a, e, rtol=rounding, atol=rounding)


def test_hidden_ids_of_an_embedding_may_be_any_integer_and_give_zeros():
    layer = nn.embedding(4, 3)
    params, _ = draw(layer)
    ids = np.array([[1, 3, -1], [0, 99, 2]])
    mask = np.array([[True, True, False], [True, False, False]])

    @jax.jit
    @jax.value_and_grad
    def total(params):
        return jnp.sum(layer.apply(params, (), ids, mask=mask)[0])

    value, grads = total(params)
    assert value == pytest.approx(params.weight[[1, 3, 0]].sum(), rel=1e-6)
    np.testing.assert_array_equal(grads.weight[:, 0], [1, 1, 0, 1])


def test_batch_norm_over_time_has_the_statistics_of_the_real_steps():
    layer, x = nn.batch_norm(3), inputs()
    params, state = jax.jit(layer.init)(jax.random.key(0))
    y, after = jax.jit(lambda x: layer.apply(params, state, x, train=True, mask=MASK))(x)
    real = x[MASK].astype(np.float64)
    np.testing.assert_allclose(after.mean, real.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(after.var, real.var(axis=0, ddof=1), rtol=1e-5)
    expected = (real - real.mean(axis=0)) / np.sqrt(real.var(axis=0) + 1e-5)
    np.testing.assert_allclose(np.asarray(y)[MASK], expected, rtol=0, atol=2e-6)


def test_pools_over_windows_and_over_all_steps_take_the_real_ones_alone():
    x = -inputs()  # below the 0 that hides
    wide = np.where(MASK[..., None], x.astype(np.float64), np.nan)
    pairs = wide.reshape(BATCH, TIME // 2, 2, 3)
    with warnings.catch_warnings(action="ignore"):  # of means over nothing
        expected = {
            nn.max_pool((2,)): np.nanmax(pairs, axis=2),
            nn.avg_pool((2,)): np.nanmean(pairs, axis=2),
            nn.global_max_pool(): np.nanmax(wide, axis=1),
            nn.global_avg_pool(): np.nanmean(wide, axis=1),
        }
    for layer, values in expected.items():
        y, _ = jax.jit(lambda x, layer=layer: layer.apply((), (), x, mask=MASK))(x)
        np.testing.assert_allclose(y, np.nan_to_num(values), rtol=1e-6, atol=1e-7)


def test_global_pools_of_images_are_over_both_axes():
    x = inputs(shape=(2, 3, 4, 5))
    mean, _ = nn.global_avg_pool().apply((), (), x)
    largest, _ = nn.global_max_pool().apply((), (), x)
    np.testing.assert_allclose(mean, x.astype(np.float64).mean(axis=(1, 2)), rtol=1e-6)
    np.testing.assert_array_equal(largest, x.max(axis=(1, 2)))
    rows, _ = nn.global_avg_pool().apply((), (), x, mask=np.arange(3) < np.array([[2], [0]]))
    np.testing.assert_allclose(rows[0], x[0, :2].mean(axis=(0, 1)), rtol=1e-6)
    np.testing.assert_array_equal(rows[1], 0.0)


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (np.ones((BATCH, 4), bool), ValueError, r"\(5,\), one entry a row, or \(5, 6\), .* \(5, 4"),
        (np.ones((BATCH, TIME), np.float32), TypeError, r"expected a bool mask, .* got float32"),
        (np.ones((3,), bool), ValueError, r"dense\(3, 4\) .* got shape \(3,\)"),
    ],
)
def test_a_mask_that_does_not_fit_a_sequence_raises_an_error(mask, error, message):
    layer = nn.dense(3, 4)
    with pytest.raises(error, match=message):
        layer.apply(draw(layer)[0], (), inputs(), mask=mask)


def test_a_mask_over_time_hides_the_rows_without_a_step_once_the_time_axis_is_gone():
    reader, norm, mask = nn.gru(3, 4, every_step=False), nn.batch_norm(4), MASK[:, ::-1]
    params, _ = draw(nn.serial(reader, norm))
    _, state = norm.init(jax.random.key(0))

    @jax.jit
    def vectors_and_statistics(x):
        model = nn.serial(reader, norm)
        _, (_, after) = model.apply(params, ((), state), x, train=True, mask=mask)
        return reader.apply(params[0], (), x, mask=mask)[0], after.mean

    vectors, mean = vectors_and_statistics(inputs())
    expected = np.asarray(vectors, np.float64)[mask.any(axis=1)].mean(axis=0)
    np.testing.assert_allclose(mean, expected, rtol=1e-5, atol=1e-6)


def test_a_mask_read_off_the_input_hides_what_either_mask_hides():
    layer = nn.with_mask(nn.global_avg_pool(), lambda x: x[..., 0] < 1.5)
    x, rows = inputs(), np.array([True, False, True, True, True])
    own = x[..., 0] < 1.5
    for mask, real in ((None, own), (rows, own & rows[:, None]), (MASK, own & MASK)):
        y, _ = layer.apply((), (), x, mask=mask)
        wide, count = np.where(real[..., None], x.astype(np.float64), 0), real.sum(axis=1)
        expected = wide.sum(axis=1) / np.maximum(count, 1)[:, None]
        np.testing.assert_allclose(y, expected, rtol=1e-6)


def test_a_mask_over_rows_read_off_the_input_joins_one_over_steps():
    layer = nn.with_mask(nn.global_avg_pool(), lambda x: x[:, 0, 0] < 1.5)
    real = MASK & (inputs()[:, 0, 0] < 1.5)[:, None]
    y, _ = layer.apply((), (), inputs(), mask=MASK)
    expected, _ = nn.global_avg_pool().apply((), (), inputs(), mask=real)
    np.testing.assert_array_equal(y, expected)
    with pytest.raises(ValueError, match=r"own of shape \(5,\), got shape \(4, 6\)"):
        layer.apply((), (), inputs(), mask=np.ones(4, bool)[:, None] & MASK[:4])
