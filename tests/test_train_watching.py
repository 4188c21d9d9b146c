"""The figure that patience and the best epoch go by, averaged weights, and the run's own curves."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from train_problem import BATCH, data, linear, optimizer, same_bits, same_training, shuffled, whole

import train

KEY = 5


def one(value):
    return train.metrics.Mean(value, jnp.ones(()))


def scripted(figures, epochs, **options):
    """A run whose one parameter counts its epochs, and whose validation figures are scripted."""
    sgd = optax.sgd(1.0)
    figures = {name: np.asarray(figure, np.float32) for name, figure in figures.items()}

    def objective(params, state, batch, *, key=None, train=False):
        epoch = jax.lax.stop_gradient(params).round().astype(int) - 1
        found = {name: one(jnp.asarray(figure)[epoch]) for name, figure in figures.items()}
        return -params, (state, {"loss": one(-params)} | found)

    run = jax.jit(train.make_run(objective, sgd, epochs=epochs, batch_size=2, **options))
    x = jnp.zeros((2, 1))
    return run(jax.random.key(0), train.init(jnp.zeros(()), (), sgd), (x, x), (x, x))


ACCURACY = [0.1, 0.5, 0.55, 0.6, 0.6, 0.58, 0.9]


@pytest.mark.parametrize(
    ("options", "epochs", "best"),
    [
        ({"mode": "max"}, 6, 4),  # an equal figure is no better
        ({"mode": "max", "min_delta": 0.2}, 4, 4),  # the best is kept though it is no progress
        ({"mode": "max", "min_delta": 0.08}, 6, 4),  # two small steps are one that counts
        ({"mode": "min"}, 3, 1),
    ],
)
def test_patience_and_the_best_epoch_go_by_the_monitored_figure(options, epochs, best):
    figures = {"accuracy": ACCURACY}
    options |= {"monitor": "validation_accuracy", "patience": 2}
    kept, history = scripted(figures, len(ACCURACY), keep_best=True, **options)
    assert int(history.epochs) == epochs
    assert float(kept.params) == best == int(history.kept_epoch)
    last, _ = scripted(figures, len(ACCURACY), **options)
    assert float(last.params) == epochs


def test_a_monitor_of_training_goes_by_training_though_there_are_validation_data():
    kept, history = scripted({"loss": [3.0, 1.0, 2.0]}, 3, keep_best=True, monitor="train_loss")
    assert history["train_loss"].tolist() == [2.0, 3.0, 1.0]  # it trains an epoch behind
    assert float(kept.params) == 3.0


STREAM = list(shuffled(KEY, 0))


def fit(objective, source=None, **options):
    given = {"epochs": 2, "batch_size": BATCH} | options
    source = data() if source is None else source
    train_state = train.init(linear()[1].params, (), options.pop("optimizer", optimizer()))
    return train.fit(
        jax.random.key(KEY), train_state, objective, optimizer(), source, **given
    )  # fmt: skip


@pytest.mark.parametrize("source", [None, STREAM], ids=["arrays", "stream"])
@pytest.mark.parametrize(
    "validation", [None, data(5), STREAM[:1]], ids=["none", "arrays", "stream"]
)
def test_an_unknown_monitor_is_told_with_the_curves_there_are_before_a_step(source, validation):
    if source is None and isinstance(validation, list):
        return
    made = []

    def objective(params, state, batch, *, key=None, train=False):
        jax.debug.callback(lambda: made.append(train))
        return linear()[0](params, state, batch, key=key, train=train)

    names = "skipped, train_loss" + (", validation_loss" if validation is not None else "")
    with pytest.raises(ValueError, match=f"monitor='f1' is no curve .*: there are {names}(\n|$)"):
        fit(objective, source, validation=validation, monitor="f1", mode="max", patience=1)
    jax.effects_barrier()
    assert made == []


def test_a_monitor_of_several_numbers_is_told_before_a_step():
    def objective(params, state, batch, *, key=None, train=False):
        loss, (state, metrics) = linear()[0](params, state, batch, key=key, train=train)
        return loss, (state, metrics | {"each": train_mean(jnp.ones(3))})

    def train_mean(values):
        return train.metrics.Mean(values, jnp.ones(3))

    with pytest.raises(ValueError, match=r"'train_each' of \(3,\)"):
        fit(objective, monitor="train_each", mode="max", patience=1)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"monitor": "train_accuracy"}, ValueError, 'needs mode="min" or mode="max"'),
        ({"mode": "maximum"}, ValueError, 'mode must be "min" or "max"'),
        ({"mode": "max"}, ValueError, 'mode="max" needs monitor='),
        ({"min_delta": "none"}, ValueError, "min_delta must be at least 0 .*got 'none'"),
        ({"min_delta": -1.0}, ValueError, "min_delta must be at least 0"),
        ({"min_delta": float("nan")}, ValueError, "min_delta must be at least 0"),
        ({"average": 0.9}, TypeError, r"average must be train.ema\(decay\), got float"),
    ],
)
def test_an_option_of_watching_that_means_nothing_is_told(options, error, message):
    with pytest.raises(error, match=message):
        train.make_run(linear()[0], optimizer(), epochs=1, batch_size=2, **options)


def test_the_average_is_the_weighted_mean_of_the_weights_of_all_steps():
    decay, random = 0.9, np.random.default_rng(0)
    weights = random.normal(size=(20, 3, 2))
    ema = train.ema(decay)
    average = ema.init(jnp.full((3, 2), 100.0))  # where it began counts nothing
    update = jax.jit(ema.update)
    for weight in weights:
        average = update(average, jnp.asarray(weight, jnp.float32))
    shares = decay ** np.arange(19, -1, -1.0)
    expected = np.tensordot(shares, weights, 1) / shares.sum()
    np.testing.assert_allclose(
        ema.value(average, jnp.zeros((3, 2))), expected, rtol=1e-5, atol=1e-6
    )


def test_weights_of_half_precision_are_averaged_in_single():
    """In bfloat16 a share of 1e-3 of a difference would be rounded away."""
    ema = train.ema(0.999)
    average = ema.update(ema.init(jnp.zeros(2, jnp.bfloat16)), jnp.ones(2, jnp.bfloat16))
    for _ in range(100):
        average = ema.update(average, jnp.full(2, 2.0, jnp.bfloat16))
    shares = 0.999 ** np.arange(100, -1, -1.0)
    expected = (shares[0] * 1 + shares[1:].sum() * 2) / shares.sum()
    np.testing.assert_allclose(average.mean, expected, rtol=1e-5)
    assert ema.value(average, jnp.zeros(2, jnp.bfloat16)).dtype == jnp.bfloat16


def by_hand(decay, epochs):
    """The weights after every step on `whole()`, averaged in float64, and the last ones."""
    objective, train_state = whole()
    step = jax.jit(train.make_step(objective, optimizer()))
    trees = []
    for epoch in range(epochs):
        for x, y in shuffled(KEY, epoch):
            mask = np.arange(BATCH) < len(x)
            x, y = (np.pad(a, [(0, BATCH - len(a))] + [(0, 0)] * (a.ndim - 1)) for a in (x, y))
            train_state, _ = step(jax.random.key(KEY), train_state, train.Batch(x, y, mask))
            trees.append(train_state[:2])
    shares = decay ** np.arange(len(trees) - 1, -1, -1.0)
    averaged = jax.tree.map(
        lambda *leaves: np.tensordot(shares, np.stack(leaves).astype(float), 1) / shares.sum(),
        *trees,
    )
    return averaged, train_state


AVERAGED = {"epochs": 3, "batch_size": BATCH, "average": train.ema(0.8)}


def fit_whole(source=None, **options):
    objective, train_state = whole()
    return train.fit(
        jax.random.key(KEY), train_state, objective, optimizer(),
        data() if source is None else source, **AVERAGED | {"validation": data(5)} | options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def averaged_fit():
    return fit_whole()


def test_fit_returns_and_validates_the_averaged_weights(averaged_fit):
    trained, history = averaged_fit
    (params, state), last = by_hand(0.8, 3)
    for found, expected in zip(
        jax.tree.leaves(trained[:2]), jax.tree.leaves((params, state)), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert not np.allclose(jax.tree.leaves(trained.params)[-1], jax.tree.leaves(last.params)[-1])
    objective, _ = whole()
    measured = train.evaluate(objective, trained, data(5), batch_size=BATCH)
    np.testing.assert_allclose(history["validation_loss"][-1], measured["loss"], rtol=1e-6)


def test_the_best_epoch_is_kept_with_its_averaged_weights():
    kept, history = fit_whole(keep_best=True, monitor="train_loss", mode="max")
    first, _ = fit_whole(epochs=1)
    assert history.kept_epoch == 1 + np.argmax(history["train_loss"]) == 1
    assert same_training(kept, first)


def test_a_stream_averages_as_arrays_do(averaged_fit):
    trained, history = fit_whole(lambda epoch: shuffled(KEY, epoch))
    assert same_training(trained, averaged_fit[0])
    np.testing.assert_allclose(
        history["validation_loss"], averaged_fit[1]["validation_loss"], rtol=1e-6
    )


def test_an_average_resumes_to_the_bit(tmp_path, averaged_fit):
    fit_whole(epochs=2, checkpoint=tmp_path)
    resumed, history = fit_whole(checkpoint=tmp_path, resume=True)
    assert same_bits(resumed, averaged_fit[0])
    assert history == averaged_fit[1]


def test_a_checkpoint_of_another_monitor_or_average_is_refused(tmp_path):
    fit_whole(epochs=1, checkpoint=tmp_path, monitor="validation_accuracy", mode="max")
    for options in ({}, {"monitor": "validation_accuracy", "mode": "min"}):
        with pytest.raises(ValueError, match=r"is of a run with m.*: resume with what it was made"):
            fit_whole(checkpoint=tmp_path, resume=True, **options)
    same = {"monitor": "validation_accuracy", "mode": "max"}
    with pytest.raises(ValueError, match="of a run with average=True, got average=False"):
        fit_whole(checkpoint=tmp_path, resume=True, average=None, **same)


def test_a_step_that_is_left_out_is_not_averaged():
    sgd = optax.sgd(1.0)

    def objective(params, state, batch, *, key=None, train=False):
        return -params * batch.x.sum(), (state, {})

    x = jnp.array([[1.0], [jnp.nan], [1.0]])
    trained, history = train.fit(
        jax.random.key(0), train.init(jnp.zeros(()), (), sgd), objective, sgd, (x, x), epochs=1,
        batch_size=1, on_nonfinite="skip", average=train.ema(0.5),
    )  # fmt: skip
    assert history["skipped"].tolist() == [1]
    np.testing.assert_allclose(trained.params, (0.5 * 1 + 1 * 2) / 1.5, rtol=1e-6)


def test_a_decay_outside_of_0_to_1_is_told():
    for decay in (-0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match="ema needs a decay of at least 0 and below 1"):
            train.ema(decay)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float16])
def test_the_gradient_norm_is_that_of_the_gradient_in_single_precision(dtype):
    """Squares of 300 are beyond float16."""
    sgd = optax.sgd(0.0)
    slopes = np.array([300.0, 400.0, 1200.0])

    def objective(params, state, batch, *, key=None, train=False):
        value = params["a"] @ jnp.asarray(slopes[:2], dtype) + params["b"] * dtype(slopes[2])
        return value.astype(jnp.float32), (state, {})

    params = {"a": jnp.zeros(2, dtype), "b": jnp.zeros((), dtype)}
    x = jnp.zeros((4, 1))
    run = partial(
        train.fit, jax.random.key(0), train.init(params, (), sgd), objective, sgd, (x, x),
        epochs=2, batch_size=2,
    )  # fmt: skip
    _, history = run(gradient_norm=True)
    assert history["gradient_norm"].tolist() == [1300.0, 1300.0]
    _, without = run()
    assert "gradient_norm" not in without.curves


def test_the_learning_rate_is_that_of_the_last_step_of_each_epoch():
    schedule = optax.linear_schedule(1.0, 0.0, 10)
    expected = [1 - 0.1 * 2, 1 - 0.1 * 5]  # three steps an epoch, counted from 0
    injected = optax.inject_hyperparams(optax.sgd)(learning_rate=schedule)
    plain = optax.sgd(schedule)
    for chosen, options in ((injected, {}), (plain, {"learning_rate": schedule})):
        train_state = train.init(linear()[1].params, (), chosen)
        _, history = train.fit(
            jax.random.key(0), train_state, linear()[0], chosen, data(), epochs=2,
            batch_size=BATCH, **options,
        )  # fmt: skip
        np.testing.assert_allclose(history["learning_rate"], expected, rtol=1e-6)


def test_several_learning_rates_have_a_curve_each():
    rates = [optax.inject_hyperparams(optax.sgd)(learning_rate=rate) for rate in (0.5, 0.25)]
    chained = optax.chain(*rates)
    train_state = train.init(linear()[1].params, (), chained)
    run = train.make_run(linear()[0], chained, epochs=1, batch_size=BATCH)
    curves = jax.eval_shape(run, jax.random.key(0), train_state, data())[1].curves
    assert {"learning_rate_1", "learning_rate_2"} <= curves.keys()
