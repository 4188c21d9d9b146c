from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from train_problem import BATCH, ROWS, data, linear, optimizer, order, same_bits

import train
from train.runs.plan import Plan

KEY = 5


def test_an_integer_option_may_be_a_numpy_integer():
    objective, train_state = linear()
    two, four = np.array([2, 4])
    options = {"batch_size": four, "accumulate": two, "patience": two}
    plan = Plan(objective=objective, optimizer=optimizer(), **options)
    for name, value in {"batch_size": 4, "accumulate": 2, "patience": 2}.items():
        assert getattr(plan, name) == value
        assert type(getattr(plan, name)) is int
    fitted, history = train.fit(
        jax.random.key(KEY), train_state, objective, optimizer(), data(), epochs=two, **options
    )
    assert (history.epochs, int(fitted.step)) == (2, 6)
    train.make_step(objective, optimizer(), accumulate=two)


def test_two_epochs_and_then_two_more_equal_four():
    objective, train_state = linear()
    key = jax.random.key(KEY)
    two, four = (
        jax.jit(train.make_run(objective, optimizer(), epochs=epochs, batch_size=BATCH))
        for epochs in (2, 4)
    )
    halfway, _ = two(key, train_state, data())
    assert same_bits(two(key, halfway, data())[0], four(key, train_state, data())[0])


def test_shuffling_visits_every_row_once_and_depends_on_key_and_epoch():
    orders = {}
    for name, (key, epoch) in {"a": (0, 0), "b": (0, 1), "c": (1, 0)}.items():
        indices, mask = order(jax.random.key(key), epoch, ROWS, BATCH)
        orders[name] = np.asarray(indices)[np.asarray(mask)].tolist()
        assert sorted(orders[name]) == list(range(ROWS))
        assert np.asarray(mask).sum(axis=1).tolist() == [4, 4, 3]
    assert len(set(map(tuple, orders.values()))) == 3


def scripted_run(script, **options):
    """A run whose one parameter counts its epochs, and whose validation loss of epoch e is the
    e-th entry of the script.
    """

    def objective(params, state, batch, *, key=None, train=False):
        loss = script[jax.lax.stop_gradient(params).round().astype(int) - 1]
        return (-params, (state, {})) if train else (loss, (state, {"loss": _one(loss)}))

    x, sgd = jnp.zeros((2, 1)), optax.sgd(1.0)
    run = train.make_run(objective, sgd, epochs=len(script), batch_size=2, **options)
    return run(jax.random.key(0), train.init(jnp.zeros(()), (), sgd), (x, x), (x, x))


def _one(value):
    return train.metrics.Mean(value, jnp.ones(()))


scripted = jax.jit(scripted_run, static_argnames=("patience", "keep_best", "on_nonfinite"))


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("script", "patience", "epochs", "best"),
    [
        ([3.0, 2.0, 1.0, 0.5, 0.2], 1, 5, 5),  # always better: never stopped
        ([3.0, 2.0, 2.5, 2.6, 1.0], 2, 4, 2),  # two worse ones: the better one comes too late
        ([3.0, 2.0, 2.5, 1.0, 1.5], 2, 5, 4),  # patience counts from the last best
        ([3.0, NAN, 2.0, NAN, 2.5], 2, 5, 3),  # NaN is no best, and does not keep later ones out
        ([NAN, NAN, 1.0, 0.5, 0.2], 2, 2, 0),  # NaN counts as an epoch without progress
        ([INF, INF, 1.0, 0.5, INF], 3, 5, 4),  # every number is lower than infinity
        ([INF, INF, INF, 1.0, 1.0], 3, 3, 0),  # which is no best
        ([3.0, -INF, 2.0, 1.0, 0.5], 2, 5, 5),  # minus infinity is none either
        ([3.0, 2.0, 2.0, 2.0, 1.0], 2, 4, 2),  # an equal loss is not lower
    ],
)
def test_patience_counts_epochs_without_a_lower_loss(script, patience, epochs, best):
    script = np.array(script, np.float32)
    kept, history = scripted(script, patience=patience, keep_best=True, on_nonfinite="skip")
    assert int(history.epochs) == epochs
    ending = "failed" if np.isnan(script[:epochs]).all() else "patience"
    assert history.stopped == ("finished" if epochs == len(script) else ending)
    np.testing.assert_array_equal(history["validation_loss"], script[:epochs])
    assert np.isnan(history.curves["validation_loss"][epochs:]).all()
    assert float(kept.params) == (best or epochs) == int(kept.step) == int(history.kept_epoch)
    last, history = scripted(script, patience=patience, on_nonfinite="skip")
    assert float(last.params) == epochs == int(history.kept_epoch)


@pytest.mark.parametrize("keep_best", [False, True])
@pytest.mark.parametrize(
    ("script", "epochs", "kept"),
    [
        ([NAN, 3.0, 2.0, 1.0, 0.5], 1, 1),  # the last state where there is no best one
        ([3.0, 2.0, NAN, 1.0, 0.5], 3, 2),
        ([3.0, 2.0, 1.0, 0.5, -INF], 5, 4),  # which nothing would be lower than
    ],
)
def test_a_run_ends_after_a_validation_loss_that_is_no_number(script, epochs, kept, keep_best):
    script = np.array(script, np.float32)
    train_state, history = scripted(script, patience=2, keep_best=keep_best)
    assert (int(history.failed_validation), history.stopped) == (epochs, "failed")
    assert int(history.epochs) == epochs
    assert int(history.failed_step) == -1
    assert float(train_state.params) == (kept if keep_best else epochs)
    assert repr(history).endswith(f"failed at the validation of epoch {epochs})")
    assert history.diagnose().kind == "diverged"


def test_a_run_that_skips_has_failed_only_where_no_validation_loss_was_a_number():
    def failed(script):
        script = np.array(script, np.float32)
        return scripted(script, patience=5, keep_best=False, on_nonfinite="skip")[1]

    assert int(failed([NAN, NAN, NAN, NAN, NAN]).failed_validation) == 5
    assert int(failed([NAN, NAN, NAN, NAN, INF]).failed_validation) == -1
    assert failed([NAN, NAN, NAN, NAN, INF]).stopped == "finished"


def test_of_the_runs_of_a_batch_those_fail_whose_validation_is_no_number():
    scripts = np.array([[3.0, NAN, 2.5, 1.0], [4.0, 3.0, 2.0, 1.0]], np.float32)
    train_states, histories = jax.jit(jax.vmap(partial(scripted_run, keep_best=True)))(scripts)
    assert histories.failed_validation.tolist() == [2, -1]
    assert train_states.params.tolist() == [1, 4]
    one = jax.tree.map(lambda leaf: leaf[0], histories)
    assert one.stopped == "failed"
    with pytest.raises(ValueError, match="of one run to be read"):
        _ = histories.stopped


def test_a_metric_that_is_nan_ends_nothing():
    def objective(params, state, batch, *, key=None, train=False):
        value = ((batch.x - params) ** 2).mean()
        return value, (state, {"loss": _one(value), "rate": _one(jnp.array(NAN))})

    x, sgd = jnp.ones((4, 1)), optax.sgd(0.1)
    train_state, history = train.fit(
        jax.random.key(0), train.init(jnp.zeros(()), (), sgd), objective, sgd, (x, x),
        validation=(x, x), epochs=2, batch_size=2, keep_best=True,
    )  # fmt: skip
    assert np.isnan(history["validation_rate"]).all()
    assert (history.stopped, int(train_state.step)) == ("finished", 4)


@pytest.mark.parametrize("on_nonfinite", ["raise", "skip"])
def test_the_runs_of_a_batch_end_each_in_its_own_epoch(on_nonfinite):
    trained = partial(scripted_run, patience=1, on_nonfinite=on_nonfinite)
    scripts = np.array([[3.0, 2.0, 2.5, 1.0], [1.0, 2.0, 3.0, 4.0]], np.float32)
    train_states, histories = jax.jit(jax.vmap(trained))(scripts)
    assert histories.epochs.tolist() == [3, 2] == train_states.params.tolist()
    assert train_states.step.tolist() == [3, 2]
    curve = histories.curves["validation_loss"]
    np.testing.assert_array_equal(curve, [[3.0, 2.0, 2.5, NAN], [1.0, 2.0, NAN, NAN]])


def trained_at(rate, train_data, **options):
    """The last training loss of a linear model, by its learning rate."""
    features, sgd = train_data[0].shape[1], optax.sgd(rate)

    def objective(params, state, batch, *, key=None, train=False):
        return ((batch.x @ params - batch.y) ** 2).mean(), (state, {})

    run = train.make_run(objective, sgd, **options)
    train_state = train.init(jnp.zeros(features), (), sgd)
    return run(jax.random.key(0), train_state, train_data)[1].curves["train_loss"][-1]


def test_a_batch_of_runs_holds_one_copy_of_the_data():
    lanes, x = 32, jnp.ones((512, 512))
    batch = jax.vmap(lambda rate: trained_at(rate, (x, x[:, 0]), epochs=2, batch_size=4))
    needed = jax.jit(batch).lower(jnp.ones(lanes)).compile().memory_analysis()
    assert needed.temp_size_in_bytes < lanes * x.nbytes / 4


def test_a_training_can_be_differentiated_by_its_learning_rate():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(8, 3)), jnp.float32)
    last = jax.jit(lambda rate: trained_at(rate, (x, x.sum(axis=1)), epochs=3, batch_size=4))
    rise = (last(0.05 + 1e-3) - last(0.05 - 1e-3)) / 2e-3
    assert rise < -0.1
    np.testing.assert_allclose(jax.jit(jax.grad(last))(0.05), rise, rtol=1e-3)


def test_a_sound_training_makes_no_nan_under_jax_debug_nans():
    with jax.debug_nans(True):
        objective, train_state = linear()
        _, history = train.fit(
            jax.random.key(KEY), train_state, objective, optimizer(), data(), epochs=2, batch_size=8
        )
    assert np.isfinite(history["train_loss"]).all()
    assert np.isfinite(history.untrained_loss)


def test_evaluation_counts_every_row_once_whatever_the_batch_size():
    objective, train_state = linear()
    x, y = data()
    whole_batch, _ = jax.jit(objective)(train_state.params, train_state.state, train.Batch(x, y))
    evaluate = jax.jit(partial(train.evaluate, objective), static_argnames="batch_size")
    for batch_size in (3, ROWS, 100):
        result = evaluate(train_state, (x, y), batch_size=batch_size)
        np.testing.assert_allclose(result["loss"], whole_batch, rtol=1e-6)
