from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from train_problem import (
    BATCH,
    CLASSES,
    data,
    linear,
    optimizer,
    order,
    same_bits,
    same_training,
    whole,
)

import train

NAN, INF = float("nan"), float("inf")


def touchy(params, state, batch, *, key=None, train=False):
    """A mean of products whose loss, gradient and statistic fail one by one, as x tells."""
    x = jnp.mean(batch.x)
    root = jnp.sqrt(jnp.abs(params["w"] * (x - 3)))  # at x = 3 finite, with an infinite derivative
    return params["v"] * x + root, ({"peak": jnp.maximum(state["peak"], x * 1e38)}, {})


TOUCHY = {"v": jnp.array(0.5), "w": jnp.array(2.0)}


def touchy_state(optimizer):
    return train.init(TOUCHY, {"peak": jnp.array(0.0)}, optimizer)


@pytest.mark.parametrize(
    ("x", "rate", "leaf"),
    [
        (NAN, 0.1, "loss"),
        (3.0, 0.1, "gradient of ['w']"),
        (5.0, 0.1, "new ['peak']"),
        (2.0, 3e38, "new ['v']"),
    ],
)
def test_a_step_that_is_not_finite_changes_nothing_and_the_error_says_what_went_first(
    x, rate, leaf
):
    sgd = optax.sgd(rate, momentum=0.9)
    before = touchy_state(sgd)
    step = jax.jit(train.make_step(touchy, sgd))
    batch = train.Batch(jnp.full((2, 1), x), jnp.zeros(2))
    after, metrics = step(jax.random.key(0), before, batch)
    assert same_bits(after, before._replace(step=jnp.array(1)))
    assert float(metrics["skipped"].total) == 1

    with pytest.raises(train.NonFiniteError, match=r"epoch 1, step 0: .* is not finite") as caught:
        train.fit(
            jax.random.key(0), before, touchy, sgd, (batch.x, batch.y), epochs=3, batch_size=2
        )
    error = caught.value
    assert (error.epoch, error.step, error.leaf) == (1, 0, leaf)
    assert leaf in error.leaves
    assert same_bits(error.train_state, before)
    assert error.history.diagnose().kind == "diverged"


def test_a_finite_step_is_the_step_of_the_optimizer():
    sgd = optax.sgd(0.1, momentum=0.9)
    step = jax.jit(train.make_step(touchy, sgd))
    batch = train.Batch(jnp.full((2, 1), 1.0), jnp.zeros(2))
    after, metrics = step(jax.random.key(0), touchy_state(sgd), batch)
    # d/dv = x = 1; d/dw = sqrt(2) / (2 sqrt(w)) = 0.5 at w = 2 and |x - 3| = 2
    np.testing.assert_allclose(after.params["v"], 0.5 - 0.1 * 1.0, rtol=1e-6)
    np.testing.assert_allclose(after.params["w"], 2.0 - 0.1 * 0.5, rtol=1e-6)
    np.testing.assert_allclose(metrics["loss"].value, 0.5 + 2.0, rtol=1e-6)
    assert float(metrics["skipped"].total) == 0


def test_a_later_failure_ends_the_run_before_its_step_and_skip_goes_on():
    x, y = (np.array(part) for part in data())
    x[6] = NAN
    objective, train_state = linear()
    key = jax.random.key(1)
    indices, _ = map(np.asarray, order(key, 0, len(x), BATCH))
    failing = int(np.argwhere(indices == 6)[0, 0])
    assert failing > 0  # or the test would not see that steps before it count
    step = jax.jit(train.make_step(objective, optimizer()))
    expected = train_state
    for rows in indices[:failing]:
        expected, _ = step(key, expected, train.Batch(x[rows], y[rows], np.ones(BATCH, bool)))

    def fit(**options):
        return train.fit(
            key, train_state, objective, optimizer(), (x, y), epochs=3, batch_size=BATCH,
            epochs_per_call=3, **options,
        )  # fmt: skip

    with pytest.raises(train.NonFiniteError, match="x of the train data holds NaN") as caught:
        fit()
    assert caught.value.step == failing
    assert same_training(caught.value.train_state, expected)

    trained, history = fit(on_nonfinite="skip")
    assert history["skipped"].tolist() == [1, 1, 1]
    assert int(trained.step) == 9
    assert np.isfinite(history["train_loss"]).all()
    chex.assert_tree_all_finite(trained.params)


SCALES = {"a": np.arange(1.0, 13.0).reshape(3, 4), "b": np.array([0.5, -2.0])}


def bowl(params):
    """sum a p^2 + b, whose gradient is 2 a p, over a tree of asymmetric shapes."""
    terms = jax.tree.map(lambda scale, p: jnp.sum(scale * p**2), SCALES, params)
    return terms["a"] + terms["b"], {"seen": params["b"]}


@pytest.mark.parametrize("name", ["reverse", "forward", "numerical"])
def test_every_way_to_differentiate_gives_value_aux_and_gradient_in_float64(name):
    with jax.enable_x64(True):
        params = {"a": np.linspace(-1, 2, 12).reshape(3, 4), "b": np.array([3.0, 0.25])}
        gradient = jax.jit(partial(getattr(train.gradients, name), bowl))
        (value, aux), slope = gradient(params, jax.random.key(0))
        expected = {name: 2 * SCALES[name] * params[name] for name in params}
        value_at_params = sum(map(np.vdot, SCALES.values(), (p**2 for p in params.values())))
        np.testing.assert_allclose(value, value_at_params, rtol=1e-12)
        assert same_bits(aux, {"seen": params["b"]})
        chex.assert_trees_all_close(slope, expected, rtol=1e-8, atol=1e-8)


def test_the_forward_gradient_is_unbiased_and_its_variance_falls_with_tangents():
    slopes = np.array([1.0, -2.0, 3.0])

    def draw(tangents):
        gradient = train.gradients.forward_gradient(tangents=tangents)
        fn = lambda p: (p @ slopes, None)  # noqa: E731

        @jax.jit
        def draws(key):
            keys = jax.random.split(key, 4000)
            return jax.vmap(lambda key: gradient(fn, jnp.ones(3), key)[1])(keys)

        return np.asarray(draws(jax.random.key(0)))

    # With v normal, (s . v) v has mean s and variance |s|^2 + s_i^2 in component i.
    variance = slopes @ slopes + slopes**2
    for tangents in (1, 4):
        drawn = draw(tangents)
        deviation = np.sqrt(variance / tangents / len(drawn))
        assert (np.abs(drawn.mean(axis=0) - slopes) < 4 * deviation).all()
        np.testing.assert_allclose(drawn.var(axis=0), variance / tangents, rtol=0.2)


def test_micro_batches_give_the_update_of_the_large_batch_however_rows_are_masked():
    objective, train_state = linear()
    x, y = data(12)
    one, three = (
        jax.jit(train.make_step(objective, optimizer(), accumulate=parts)) for parts in (1, 3)
    )
    for real in (12, 7, 1):  # the last of three parts is full, or empty, or two are
        batch = train.Batch(x, y, jnp.arange(12) < real)
        steps = [step(jax.random.key(0), train_state, batch) for step in (one, three)]
        chex.assert_trees_all_close(*steps, rtol=1e-5, atol=1e-6)


def test_an_optimizer_that_watches_the_loss_gets_it():
    plateau = optax.contrib.reduce_on_plateau(factor=0.5, patience=1)
    objective, train_state = linear()
    watching = optax.chain(optax.sgd(0.0), plateau)
    train_state = train.init(train_state.params, (), watching)
    x, y = data(12)
    step = jax.jit(train.make_step(objective, watching))
    for _ in range(4):  # the loss never falls, so the scale does
        train_state, _ = step(jax.random.key(0), train_state, train.Batch(x, y))
    assert float(train_state.opt_state[1].scale) < 1


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_line_search_sees_the_dropout_masks_of_its_step(accumulate):
    def init(params):
        return {"value": jnp.zeros(()), "again": jnp.zeros(())}

    def update(updates, state, params=None, *, value, value_fn, **others):
        return updates, {"value": value, "again": value_fn(params)}

    objective, train_state = whole()
    reading = optax.GradientTransformationExtraArgs(init, update)
    train_state = train_state._replace(opt_state=reading.init(train_state.params))
    step = jax.jit(train.make_step(objective, reading, accumulate=accumulate))
    batch = train.Batch(*(np.asarray(part) for part in data(12)))
    seen = [step(jax.random.key(i), train_state, batch)[0].opt_state for i in range(2)]
    for values in seen:
        np.testing.assert_allclose(values["again"], values["value"], rtol=1e-6)
    assert abs(seen[0]["value"] - seen[1]["value"]) > 1e-3  # other masks give another loss


def test_the_penalty_is_part_of_the_objective_and_not_of_the_loss():
    x, y = data()
    without, train_state = linear()
    weight = train_state.params.weight
    penalised = train.supervised(
        without.apply, without.loss, penalty=lambda params: 0.5 * (params.weight**2).sum()
    )
    batch = train.Batch(x, y)
    plain, _ = jax.jit(without)(train_state.params, (), batch)
    value, (_, metrics) = jax.jit(penalised)(train_state.params, (), batch)
    np.testing.assert_allclose(value - plain, 0.5 * np.sum(np.square(weight)), rtol=1e-5)
    np.testing.assert_allclose(metrics["loss"].value, plain, rtol=1e-6)
    np.testing.assert_allclose(metrics["penalty"].value, value - plain, rtol=1e-5)


def test_hidden_rows_change_neither_objective_nor_gradient_whatever_they_hold():
    objective, train_state = linear()
    x, y = data()
    shown = np.arange(len(x)) < 7
    hidden = train.Batch(np.where(shown[:, None], x, NAN), np.where(shown, y, CLASSES), shown)
    fewer = train.Batch(x[:7], y[:7])
    value_and_gradient = jax.jit(jax.value_and_grad(lambda p, batch: objective(p, (), batch)[0]))
    chex.assert_trees_all_close(
        value_and_gradient(train_state.params, hidden),
        value_and_gradient(train_state.params, fewer),
        rtol=1e-6,
        atol=1e-7,  # sums of other lengths round otherwise
    )


def test_a_model_may_insist_on_its_keywords_and_return_several_predictions():
    def apply(params, state, x, *, key, train, mask):
        return (x @ params, x.sum(axis=1)), state

    def loss(predictions, targets, *, where=None):
        return optax.softmax_cross_entropy_with_integer_labels(predictions[0], targets)

    sgd = optax.sgd(0.1)
    train_state = train.init(jnp.zeros((data()[0].shape[1], CLASSES)), (), sgd)
    _, history = train.fit(
        jax.random.key(0), train_state, train.supervised(apply, loss), sgd, data(), epochs=2,
        batch_size=BATCH,
    )  # fmt: skip
    assert history["train_loss"][1] < history["train_loss"][0]
