"""Training in float16 under a loss scale that adapts, and moments of half-precision parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import losses
import nn
import train
from train.steps.loss_scale import scaled

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((8, 3)).astype(np.float32)
Y = RANDOM.standard_normal((8, 1)).astype(np.float32)
TINY = 1e-9  # of a loss: float16 has no gradients of it


def half_model():
    return nn.mixed_precision(nn.dense(3, 1), compute=jnp.float16)


def tiny_loss(predictions, targets, *, where=None):
    return TINY * losses.squared_error(predictions, targets, where=where)


def start(optimizer, model=None):
    params, state = (model or half_model()).init(jax.random.key(0))
    return train.init(params, state, optimizer)


def one_step(optimizer, *, scale_of_x=1.0, **options):
    tiny = train.supervised(half_model().apply, tiny_loss)
    step = jax.jit(train.make_step(tiny, optimizer, **options))
    train_state = start(optimizer)
    batch = train.Batch(jnp.asarray(scale_of_x * X), jnp.asarray(Y))
    return train_state, *step(jax.random.key(1), train_state, batch)


def true_gradient(params):
    """The gradient of the mean of `TINY (x w + b - y)^2` in float64, by hand."""
    weight, x, y = (np.asarray(a, np.float64) for a in (params.weight, X, Y))
    apart = x @ weight + np.asarray(params.bias, np.float64) - y
    return 2 * TINY * x.T @ apart / len(x), 2 * TINY * apart.mean(axis=0)


def seen(factor=1e9):
    """An optimizer that takes steps of the gradient, as long as it."""
    return optax.stateless(lambda updates, params: jax.tree.map(lambda g: -factor * g, updates))


def moved(before, after, factor=1e9):
    return [(a - b) / factor for a, b in zip(*map(jax.tree.leaves, (before, after)), strict=True)]


@pytest.mark.parametrize("accumulate", [1, 2])
def test_gradients_that_float16_does_not_have_are_those_of_float64(accumulate):
    scaling = train.loss_scaling(seen(), initial=2.0**20)
    before, after, _ = one_step(scaling, accumulate=accumulate)
    true = true_gradient(before.params)
    for got, wanted in zip(moved(before.params, after.params), true, strict=True):
        assert got.dtype == jnp.float32
        np.testing.assert_allclose(got, wanted, rtol=5e-3, atol=1e-12)
    before, after, _ = one_step(seen(), accumulate=accumulate)
    assert_equal(before.params, after.params)  # without, every gradient was 0


def test_the_gradient_of_a_float16_parameter_is_scaled_back_in_float32():
    scaling = train.loss_scaling(optax.sgd(1.0), initial=2.0**20).init(jnp.ones(2))
    way = scaled(train.gradients.reverse, scaling)
    weight = jnp.float16([1.0, 2.0])
    (value, _), slope = way(lambda p: (TINY * p.sum(dtype=jnp.float32), None), weight, None)
    assert (slope.dtype, float(value)) == (jnp.float32, pytest.approx(3 * TINY))
    np.testing.assert_allclose(slope, TINY, rtol=1e-3)


def assert_equal(one, other):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_overflow_changes_nothing_but_the_scale_and_is_no_failure():
    optimizer = train.loss_scaling(optax.adam(0.1), initial=2.0**60)
    before, after, metrics = one_step(optimizer)
    assert_equal(before.params, after.params)
    assert_equal(before.opt_state.inner.inner_state, after.opt_state.inner.inner_state)
    assert (float(after.opt_state.scale), int(after.opt_state.steady)) == (2.0**59, 0)
    assert float(metrics["skipped"].total) == 0
    assert float(metrics["loss_scale"].value) == 2.0**60
    assert float(metrics["overflows"].total) == 1


@pytest.mark.parametrize(
    ("train_data", "steps", "average"), [((X, Y), 2, None), ([(X[:4], Y[:4])], 1, train.ema(0.5))]
)
def test_an_overflow_moves_neither_running_statistics_nor_the_average(train_data, steps, average):
    # The scales of the steps are 2^60, 2^59, ...: none of them has a gradient in float16.
    model = nn.mixed_precision(
        nn.serial(nn.dense(3, 4), nn.batch_norm(4), nn.dense(4, 1)), compute=jnp.float16
    )
    optimizer = train.loss_scaling(optax.adam(0.1), initial=2.0**60)
    before = start(optimizer, model)
    after, history = train.fit(
        jax.random.key(1), before, objective(model), optimizer, train_data,
        epochs=2, batch_size=4, average=average, gradient_norm=True,
    )  # fmt: skip
    assert jax.tree.leaves(before.state)
    assert_equal(before[:2], after[:2])
    np.testing.assert_array_equal(history["overflows"], [steps, steps])
    np.testing.assert_array_equal(history["skipped"], [0, 0])
    assert np.isnan(history["gradient_norm"]).all()  # there is none of an epoch without a step
    assert np.isfinite(history["train_loss"]).all()


def test_an_overflow_after_steps_that_were_made_moves_no_average():
    model = nn.mixed_precision(nn.dense(3, 1), compute=jnp.float16)
    # Two steps are made at a scale of 1, and the third has no gradient at 2^60.
    optimizer = train.loss_scaling(optax.sgd(0.1), initial=1.0, period=2, factor=2.0**60)
    before, batch = start(optimizer, model), (X[:4], Y[:4])

    def fitted(batches):
        return train.fit(
            jax.random.key(1), before, objective(model), optimizer, batches, epochs=1, batch_size=4,
            average=train.ema(0.5),
        )  # fmt: skip

    two, _ = fitted([batch] * 2)
    three, history = fitted([batch] * 3)
    assert int(history["overflows"][0]) == 1
    assert_equal(two.params, three.params)
    assert any(np.any(a != b) for a, b in zip(two.params, before.params, strict=True))


def scales(found, *, initial, period, factor):
    """The scale after each step, by the rule in plain Python; `found` says which were finite."""
    scale, steady, after = initial, 0, []
    for finite in found:
        steady = steady + 1 if finite else 0
        if not finite:
            scale = max(scale / factor, 1.0)
        elif steady == period:
            scale, steady = scale * factor, 0
        after.append(scale)
    return after


@pytest.mark.parametrize(("initial", "period", "factor"), [(8.0, 3, 2.0), (2.0, 2, 4.0)])
def test_the_scale_follows_its_rule(initial, period, factor):
    optimizer = train.loss_scaling(optax.sgd(0.1), initial=initial, period=period, factor=factor)
    params, finite = jnp.ones(2), RANDOM.random(40) > 0.3
    state, after = optimizer.init(params), []
    update = jax.jit(optimizer.update)
    for good in finite:
        updates, state = update(jnp.where(good, params, jnp.nan), state, params)
        np.testing.assert_allclose(updates, -0.1 * params if good else 0 * params)
        after.append(float(state.scale))
    assert after == scales(finite, initial=initial, period=period, factor=factor)


def test_an_overflow_leaves_moments_and_counts_as_apply_if_finite_of_optax_does():
    params = {"a": jnp.ones(2), "b": jnp.ones((2, 1))}
    adam = optax.adam(0.1)
    optimizer, exact = train.loss_scaling(adam), optax.apply_if_finite(adam, 10**6)
    state, wanted = optimizer.init(params), exact.init(params)
    update, reference = jax.jit(optimizer.update), jax.jit(exact.update)
    for value in (1.0, np.nan, np.inf, 2.0, -np.inf):
        slope = jax.tree.map(jnp.ones_like, params) | {"b": jnp.full((2, 1), value)}
        ours, state = update(slope, state, params)
        expected, wanted = reference(slope, wanted, params)
        assert_equal(ours, expected)
        assert jax.tree.structure(state.inner) == jax.tree.structure(wanted)
        assert_equal(state.inner, wanted)


def test_the_derivative_of_a_run_through_an_overflow_is_finite():
    def trained(rate):
        clip = optax.clip_by_global_norm(10.0)
        optimizer = train.loss_scaling(optax.chain(clip, optax.sgd(rate)))
        params = jnp.ones(2)
        state = optimizer.init(params)
        for factor in (1.0, jnp.array([1.0, 1e5])):  # float16 ends at 65504
            slope = (factor * params).astype(jnp.float16).astype(jnp.float32)
            updates, state = optimizer.update(slope, state, params)
            params = jnp.asarray(optax.apply_updates(params, updates))
        return params.sum()

    assert float(jax.jit(jax.grad(trained))(0.1)) == -2  # of the first step


def objective(model):
    return train.supervised(model.apply, losses.squared_error)


def test_a_run_finds_its_scale_and_learns_what_float32_learns():
    def loss(initial):
        optimizer = train.loss_scaling(optax.adam(0.05), initial=initial, period=50)
        train_state, history = train.fit(
            jax.random.key(1), start(optimizer), objective(half_model()), optimizer, (X, Y),
            epochs=30, batch_size=8, gradient_norm=True,
        )  # fmt: skip
        assert np.isfinite(history["gradient_norm"][-1])
        return history, float(train_state.opt_state.scale)

    history, scale = loss(2.0**30)
    assert 1 <= scale < 2.0**20
    assert history["loss_scale"][0] == 2.0**30
    exact = optax.adam(0.05)
    plain = nn.dense(3, 1)
    _, reference = train.fit(
        jax.random.key(1), start(exact, plain), objective(plain), exact, (X, Y),
        epochs=30, batch_size=8,
    )  # fmt: skip
    late = 30 - int(np.sum(np.diff(history["loss_scale"]) < 0)) - 1  # steps that were made
    np.testing.assert_allclose(history["train_loss"][-1], reference["train_loss"][late], rtol=0.02)


def test_a_gradient_that_no_scale_makes_finite_ends_the_run():
    def objective(params, state, batch, *, key=None, train=False):
        return jnp.sqrt(jnp.sum((0 * params) ** 2)), (state, {})

    optimizer = train.loss_scaling(optax.sgd(0.1), initial=4.0)
    with pytest.raises(train.NonFiniteError, match=r"gradient") as caught:
        train.fit(
            jax.random.key(1), train.init(jnp.ones(2), (), optimizer), objective, optimizer, (X, Y),
            epochs=9, batch_size=8,
        )  # fmt: skip
    assert caught.value.step == 2  # at scales of 4 and 2 it was forgiven


def test_one_loss_has_one_scale():
    optimizer = train.loss_scaling(train.loss_scaling(optax.sgd(0.1)))
    with pytest.raises(ValueError, match="one loss_scaling, got several"):
        one_step(optimizer)
    clipped = optax.chain(optax.clip_by_global_norm(1.0), train.loss_scaling(optax.sgd(0.1)))
    assert float(one_step(clipped)[2]["loss_scale"].value) == 2.0**15


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"initial": 0.5}, ValueError, "initial must be a scale of at least 1, got 0.5"),
        ({"initial": float("inf")}, ValueError, "initial must be"),
        ({"factor": 1.0}, ValueError, "factor must be above 1, got 1.0"),
        ({"period": 0}, ValueError, "period"),
    ],
)
def test_a_scale_that_is_none_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        train.loss_scaling(optax.sgd(0.1), **options)
    for wrapper in (train.loss_scaling, train.wide_moments):
        with pytest.raises(TypeError, match="must be one of optax, such as"):
            wrapper("adam")


HALVES = [jnp.bfloat16, jnp.float16]


@pytest.mark.parametrize("dtype", HALVES)
def test_moments_in_half_precision_are_an_error_that_names_the_ways_out(dtype):
    params = {"a": {"weight": jnp.ones((2, 3), dtype)}, "b": jnp.ones(3)}
    name = jnp.dtype(dtype).name
    with pytest.raises(ValueError, match=f"moments in {name}") as caught:
        train.init(params, (), optax.adam(1e-3))
    assert "params['a']['weight']" in str(caught.value)
    assert "nn.mixed_precision(model)" in str(caught.value)
    assert "train.wide_moments(optimizer)" in str(caught.value)
    train.init(params, (), optax.sgd(0.1))  # remembers nothing
    train.init(params, (), train.wide_moments(optax.adam(1e-3)))
    train.init({"b": jnp.ones(3)}, (), optax.adam(1e-3, mu_dtype=dtype))  # as it was told
    frozen = train.freeze(optax.adam(1e-3), select=lambda path, leaf: path[0] == "a")
    train.init(params, (), frozen)


@pytest.mark.parametrize("dtype", HALVES)
def test_wide_moments_are_those_of_float32(dtype):
    params, optimizer = jnp.ones(4, dtype), train.wide_moments(optax.adam(1e-3))
    slope = jnp.asarray(RANDOM.standard_normal(4), dtype)
    state, exact = optimizer.init(params), optax.adam(1e-3).init(jnp.ones(4))
    for _ in range(5):
        updates, state = optimizer.update(slope, state, params)
        wanted, exact = optax.adam(1e-3).update(slope.astype(jnp.float32), exact)
    np.testing.assert_array_equal(updates, wanted)
    assert_equal(state, exact)
    assert optax.apply_updates(params, updates).dtype == dtype


def test_a_metric_may_be_named_overflows_where_nothing_scales_the_loss():
    model = nn.dense(3, 1)
    metrics = {"overflows": lambda predictions, targets, *, where: train.metrics.mean(targets)}
    watched = train.supervised(model.apply, losses.squared_error, metrics=metrics)
    optimizer = optax.sgd(0.1)
    _, history = train.fit(
        jax.random.key(1), start(optimizer, model), watched, optimizer, (X, Y),
        epochs=1, batch_size=4,
    )  # fmt: skip
    np.testing.assert_allclose(history["train_overflows"], [Y.mean()], rtol=1e-6)
