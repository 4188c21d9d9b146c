"""Sums over many rows of half precision are made in float32, wherever they are made."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from loss_cases import CASES

import losses
import nn
import train

ROWS, BATCH = 65_536, 64
RANDOM = np.random.default_rng(2)
halves = pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
# Above 0 and of one size, so that a sum in half precision stops long before the end.
DATA = RANDOM.uniform(0.5, 1.5, size=(ROWS, 3))


def rounded(x, dtype):
    """The values as half precision has them, and the same in float64."""
    half = np.asarray(x).astype(dtype)
    return half, half.astype(np.float64)


@halves
def test_means_of_every_loss(dtype):
    given, expected = {}, {}
    for name, case in CASES.items():
        half, exact = rounded(case.predictions, dtype)
        times = ROWS // len(half)
        tiles = times, *(1,) * (case.targets.ndim - 1)
        given[name] = np.tile(half, (times, 1)), np.tile(case.targets, tiles)
        expected[name] = case.oracle(exact, case.targets).mean()

    @jax.jit
    def means(given):
        return {name: losses.mean(CASES[name].loss(*pair)) for name, pair in given.items()}

    for name, mean in means(given).items():
        assert mean.dtype == jnp.float32
        np.testing.assert_allclose(mean, expected[name], rtol=1e-4, err_msg=name)


def _mean(x, y):
    return losses.mean(x[:, 0]), y[:, 0].mean()


def _weighted(x, y):
    mean = losses.mean(x[:, 0], weights=x[:, 1])
    return mean, np.average(y[:, 0], weights=y[:, 1])


def _elastic(x, y):
    penalty = losses.elastic_net(x, l1_ratio=0.25)
    return penalty, 0.25 * y.sum() + 0.75 * (y**2).sum()


def _metric_mean(x, y):
    mean = train.metrics.mean(x[:, 0], weights=x[:, 1]).value
    return mean, np.average(y[:, 0], weights=y[:, 1])


def _mean_absolute_error(x, y):
    error = train.metrics.mean_absolute_error(x[:, 0], x[:, 1]).value
    return error, np.abs(y[:, 0] - y[:, 1]).mean()


PLACES = [
    (_mean, 1e-5),
    (_weighted, 1e-5),
    (lambda x, y: (losses.l1(x), y.sum()), 1e-5),
    (lambda x, y: (losses.l2(x), (y**2).sum()), 1e-5),
    (_elastic, 1e-5),
    (_metric_mean, 1e-5),
    (_mean_absolute_error, 1e-5),
]


@halves
@pytest.mark.parametrize(("place", "tolerance"), PLACES)
def test_sums_of_losses_penalties_and_metrics(place, tolerance, dtype):
    half, exact = rounded(DATA, dtype)
    found = jax.jit(lambda x: place(x, exact)[0])(half)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, place(half, exact)[1], rtol=tolerance)


@halves
def test_squares_beyond_half_precision_do_not_overflow_in_metrics(dtype):
    half, exact = rounded(300 * DATA, dtype)
    measure = jax.jit(partial(train.metrics.r_squared, target_mean=300.0))
    residual = ((exact[:, 0] - exact[:, 1]) ** 2).sum()
    expected = 1 - residual / ((exact[:, 1] - 300) ** 2).sum()
    np.testing.assert_allclose(measure(half[:, 0], half[:, 1]).value, expected, rtol=1e-4)


@halves
def test_moving_averages_and_pools(dtype):
    half, exact = rounded(100 + 20 * DATA, dtype)
    norm, pool = nn.batch_norm(3), nn.global_avg_pool()
    params, state = norm.init(jax.random.key(0))

    @jax.jit
    def compute(x):
        new = norm.apply(params, state, x, train=True)[1]
        return norm.apply(params, new, x)[0], pool.apply((), (), x[None])[0], new

    out, pooled, new = compute(half)
    assert all(leaf.dtype != dtype for leaf in jax.tree.leaves(new))
    normalized = (exact - exact.mean(axis=0)) / exact.std(axis=0)
    # The results have the type of the input, and are right to half a unit of its last place.
    eps = float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(np.asarray(out, float), normalized, rtol=2 * eps, atol=2 * eps)
    np.testing.assert_allclose(np.asarray(pooled[0], float), exact.mean(axis=0), rtol=eps)


def _own(params, state, batch, *, key=None, train=False):
    """A user's objective, whose figures are sums in half precision."""
    from train.metrics import Mean

    del key, train
    values = batch.x @ params
    count = jnp.full((), len(values), values.dtype)
    return values.mean(), (state, {"loss": Mean(values.mean() * count, count)})


@halves
def test_gradients_and_figures_of_many_batches_add_up(dtype):
    half, exact = rounded(DATA, dtype)
    params = np.ones(3, dtype)
    supervised = train.supervised(
        lambda params, state, x, *, key, train, mask: (x @ params[:, None], state),
        lambda p, t, where=None: p[:, 0] if where is None else jnp.where(where, p[:, 0], 0),
    )
    sgd = optax.sgd(1.0)
    state = train.init(jnp.zeros(3, dtype), (), sgd)
    eps = float(jnp.finfo(dtype).eps)
    y = np.zeros(ROWS, np.float32)
    for objective in (_own, supervised):
        step = jax.jit(train.make_step(objective, sgd, accumulate=ROWS // BATCH))
        after, _ = step(jax.random.key(0), state, train.Batch(half, y))
        gradient = -np.asarray(after.params, float)
        np.testing.assert_allclose(gradient, exact.mean(axis=0), rtol=2 * eps)
        ones = train.init(jnp.asarray(params), (), sgd)
        found = train.evaluate(objective, ones, (half, y), batch_size=BATCH)["loss"]
        assert found.dtype == jnp.float32
        np.testing.assert_allclose(found, exact.sum(axis=1).mean(), rtol=2 * eps)
