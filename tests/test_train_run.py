import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from train_problem import BATCH, ROWS, data, linear, optimizer, same_bits, whole

import train

KEY = 5


def hand_made(key, train_state, objective, train_data, epochs):
    """The steps of a run, one call each, in the order that `train.data.shuffle` gives."""
    step = jax.jit(train.make_step(objective, optimizer()))
    x, y = train_data
    for epoch in range(epochs):
        for indices, mask in zip(*train.data.shuffle(key, epoch, ROWS, BATCH), strict=True):
            train_state, _ = step(key, train_state, train.Batch(x[indices], y[indices], mask))
    return train_state


@pytest.mark.compiled_as_for_a_user
def test_fit_and_run_and_hand_made_steps_agree_bit_for_bit_and_trace_the_model_once():
    objective, train_state = whole()
    traced = []

    def counted(params, state, batch, *, key=None, train=False):
        traced.append(train)
        return objective(params, state, batch, key=key, train=train)

    key = jax.random.key(KEY)
    fitted, history = train.fit(
        key, train_state, counted, optimizer(), data(), validation=data(5), epochs=5,
        batch_size=BATCH, epochs_per_call=2,
    )  # fmt: skip
    assert traced == [True, False]  # three blocks, partial batches, validation and all
    run = train.make_run(objective, optimizer(), epochs=5, batch_size=BATCH)
    made, curves = jax.jit(run)(key, train_state, data(), data(5))
    assert same_bits(fitted, made)
    assert all(np.array_equal(history[name], curves[name]) for name in curves.curves)
    assert same_bits(fitted, hand_made(key, train_state, objective, data(), 5))
    assert int(fitted.step) == 5 * 3
    chex.assert_tree_all_finite(train_state.params)  # what was passed in was not donated


def test_an_integer_may_be_numpys():
    objective, train_state = linear()
    two, four = np.array([2, 4])
    ours, theirs = (
        train.fit(jax.random.key(KEY), train_state, objective, optimizer(), data(), **options)
        for options in (
            {"epochs": 2, "batch_size": 4, "accumulate": 2, "patience": 2},
            {"epochs": two, "batch_size": four, "accumulate": two, "patience": two},
        )
    )
    assert same_bits(ours[0], theirs[0])
    train.make_step(objective, optimizer(), accumulate=two)


def test_two_epochs_and_two_more_are_four():
    objective, train_state = linear()
    key = jax.random.key(KEY)
    two, four = (
        jax.jit(train.make_run(objective, optimizer(), epochs=epochs, batch_size=BATCH))
        for epochs in (2, 4)
    )
    halfway, _ = two(key, train_state, data())
    assert same_bits(two(key, halfway, data())[0], four(key, train_state, data())[0])


@pytest.mark.compiled_as_for_a_user
def test_runs_under_lax_map_are_the_runs_of_every_key_bit_for_bit():
    objective, train_state = linear()
    run = jax.jit(train.make_run(objective, optimizer(), epochs=2, batch_size=BATCH))
    keys = jax.random.split(jax.random.key(KEY), 3)
    mapped, histories = jax.lax.map(lambda key: run(key, train_state, data()), keys)
    assert histories.curves["train_loss"].shape == (3, 2)
    for i, key in enumerate(keys):
        alone, _ = run(key, train_state, data())
        assert same_bits(alone, jax.tree.map(lambda leaf, i=i: leaf[i], mapped))


def test_shuffling_visits_every_row_once_and_depends_on_key_and_epoch():
    orders = {}
    for name, (key, epoch) in {"a": (0, 0), "b": (0, 1), "c": (1, 0)}.items():
        indices, mask = train.data.shuffle(jax.random.key(key), epoch, ROWS, BATCH)
        orders[name] = np.asarray(indices)[np.asarray(mask)].tolist()
        assert sorted(orders[name]) == list(range(ROWS))
        assert np.asarray(mask).sum(axis=1).tolist() == [4, 4, 3]
    assert len({tuple(order) for order in orders.values()}) == 3


def fitted_on(train_data, **options):
    objective, train_state = linear()
    return train.fit(
        jax.random.key(KEY), train_state, objective, optimizer(), train_data, epochs=2,
        batch_size=8, **options,
    )  # fmt: skip


@pytest.mark.parametrize("accumulate", [1, 2])
def test_rows_spread_over_devices_train_the_same_network(accumulate):
    devices = jax.devices()[: 4 if jax.device_count() >= 4 else 1]
    alone, history = fitted_on(data(12), accumulate=accumulate)
    for kind in (AxisType.Auto, AxisType.Explicit):
        mesh = jax.make_mesh((len(devices),), ("data",), axis_types=(kind,), devices=devices)
        rows = jax.device_put(data(12), NamedSharding(mesh, PartitionSpec("data")))
        together, histories = fitted_on(rows, accumulate=accumulate)
        chex.assert_trees_all_close(alone.params, jax.device_get(together.params), atol=1e-5)
        np.testing.assert_allclose(history["train_loss"], histories["train_loss"], rtol=1e-5)


# A network whose losses are known: the one parameter is the number of epochs, and the validation
# loss of epoch e is the e-th entry of the targets.
def scripted(script):
    def objective(params, state, batch, *, key=None, train=False):
        losses = jnp.asarray(script)
        at = jnp.clip(jax.lax.stop_gradient(params).round().astype(int) - 1, 0, len(script) - 1)
        value = -params if train else losses[at]
        return value, (state, {} if train else {"loss": _one(losses[at])})

    return objective


def _one(value):
    return train.metrics.Mean(value, jnp.ones(()))


def scripted_run(script, **options):
    x = jnp.zeros((2, 1))
    sgd = optax.sgd(1.0)
    run = train.make_run(scripted(script), sgd, epochs=len(script), batch_size=2, **options)
    train_state = train.init(jnp.zeros(()), (), sgd)
    return jax.jit(run)(jax.random.key(0), train_state, (x, x), (x, x))


NAN = float("nan")


@pytest.mark.parametrize(
    ("script", "patience", "epochs", "best"),
    [
        ([3.0, 2.0, 1.0, 0.5, 0.2], 1, 5, 5),  # always better: never stopped
        ([3.0, 2.0, 2.5, 2.6, 1.0], 2, 4, 2),  # two worse ones: the better one comes too late
        ([3.0, 2.0, 2.5, 1.0, 1.5], 2, 5, 4),  # patience counts from the last best
        ([3.0, NAN, 2.0, NAN, 2.5], 2, 5, 3),  # NaN is no best, and does not keep later ones out
        ([NAN, NAN, 1.0, 0.5, 0.2], 2, 2, 0),  # NaN counts as an epoch without progress
    ],
)
def test_patience_counts_epochs_without_a_lower_loss(script, patience, epochs, best):
    kept, history = scripted_run(script, patience=patience, keep_best=True)
    assert int(history.epochs) == epochs
    np.testing.assert_array_equal(history["validation_loss"], np.float32(script[:epochs]))
    assert np.isnan(history.curves["validation_loss"][epochs:]).all()
    assert float(kept.params) == best == int(kept.step)
    last, _ = scripted_run(script, patience=patience)
    assert float(last.params) == epochs


@pytest.mark.parametrize("on_nonfinite", ["raise", "skip"])
def test_the_runs_of_a_batch_end_each_in_its_own_epoch(on_nonfinite):
    x, sgd = jnp.zeros((2, 1)), optax.sgd(1.0)
    options = {"epochs": 4, "batch_size": 2, "patience": 1, "on_nonfinite": on_nonfinite}

    def trained(script):
        run = train.make_run(scripted(script), sgd, **options)
        return run(jax.random.key(0), train.init(jnp.zeros(()), (), sgd), (x, x), (x, x))

    scripts = jnp.array([[3.0, 2.0, 2.5, 1.0], [1.0, 2.0, 3.0, 4.0]])
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


def test_a_sound_training_meets_no_nan_where_jax_looks_for_them():
    with jax.debug_nans(True):
        _, history = fitted_on(data())
    assert np.isfinite(history["train_loss"]).all()
    assert np.isfinite(history.untrained_loss)


def test_evaluation_counts_every_row_once_whatever_the_batch_size():
    objective, train_state = linear()
    x, y = data()
    whole_batch, _ = jax.jit(objective)(train_state.params, train_state.state, train.Batch(x, y))
    for batch_size in (3, ROWS, 100):
        found = jax.jit(
            lambda state, rows, size=batch_size: train.evaluate(
                objective, state, rows, batch_size=size
            )
        )(train_state, (x, y))
        np.testing.assert_allclose(found["loss"], whole_batch, rtol=1e-6)
