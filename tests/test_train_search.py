import csv

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from train_problem import CLASSES, FEATURES, data, least_squares

import losses
import train
from train.search import ranking

KEY = 2
GRID = {
    "width": [5, 3],
    "learning_rate": [0.01, 0.1],
    "penalty": [0.0, 0.1],
}
TRACED = []
FOLDS = 0xFFFFFFFE  # what the key is folded with for the folds


def run(key, train_data, validation, *, width, learning_rate, penalty):
    TRACED.append(width)

    def apply(params, state, x, *, key=None, train=False, mask=None):
        return jnp.tanh(x @ params["hidden"]) @ params["out"], state

    objective = train.supervised(
        apply,
        losses.softmax_cross_entropy_with_integer_labels,
        penalty=lambda params: penalty * (params["hidden"] ** 2).sum(),
    )
    optimizer = optax.sgd(learning_rate)
    init_key, run_key = jax.random.split(key)
    weights = jax.random.normal(init_key, (FEATURES + CLASSES, width)) / 2
    params = {"hidden": weights[:FEATURES], "out": weights[FEATURES:].T}
    go = train.make_run(objective, optimizer, epochs=3, batch_size=5)
    return go(run_key, train.init(params, (), optimizer), train_data, validation)


@pytest.fixture(scope="module")
def search():
    TRACED.clear()
    return train.grid_search(
        run, GRID, data(20), data(9), key=jax.random.key(KEY), repeats=2, chunk=3
    )


def test_settings_that_differ_in_numbers_share_a_program_and_each_shape_has_its_own(search):
    # To find out which are which all three are tried, each of them, and what is left at each width.
    # Then each width is a program, which chunks, settings and repeats share, and which is not
    # traced again.
    assert TRACED[-2:] == [5, 3]
    assert len(TRACED) <= 1 + len(GRID) + 2
    assert len(search.rows) == 8
    settings = [tuple(row.setting.values()) for row in search.rows]
    assert len(set(settings)) == 8
    assert [row.mean for row in search.rows] == sorted(row.mean for row in search.rows)


def test_a_row_is_the_run_made_alone_with_the_same_key_and_can_be_replayed(search):
    best, worst = search.best, search.rows[-1]
    key = jax.random.fold_in(jax.random.key(KEY), 1)
    _, history = jax.jit(lambda key: run(key, data(20), data(9), **worst.setting))(key)
    np.testing.assert_allclose(worst.scores[1, 0], history["validation_loss"][-1], rtol=1e-5)
    train_state, history = search.replay()
    np.testing.assert_allclose(best.scores[0, 0], history["validation_loss"][-1], rtol=1e-5)
    assert train_state.params["hidden"].shape == (FEATURES, best.setting["width"])
    for row in search.rows:
        np.testing.assert_allclose(row.mean, row.scores.mean())
        np.testing.assert_allclose(row.standard_error, row.scores.std(ddof=1) / np.sqrt(2))


def test_the_table_is_printed_written_and_drawn(search, tmp_path):
    lines = str(search).splitlines()
    assert lines[0].split() == [*GRID, "validation_loss", "standard", "error"]
    assert len(lines) == 9
    search.save(tmp_path / "search.csv")
    with (tmp_path / "search.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["validation_loss"]) for row in rows] == [row.mean for row in search.rows]
    assert [float(row["repeat 1 fold 0"]) for row in rows] == [r.scores[1, 0] for r in search.rows]
    search.plot(tmp_path / "map.svg")
    search.plot(tmp_path / "line.svg", names=["penalty"])
    for name in ("map.svg", "line.svg"):
        assert "learning_rate" in (tmp_path / "map.svg").read_text()
        assert (tmp_path / name).read_text().rstrip().endswith("</svg>")
    with pytest.raises(ValueError, match=r"one or two of \['width', .*got \['depth'\]"):
        search.plot(tmp_path / "no.svg", names=["depth"])


@pytest.mark.parametrize("chunk", [1, 4])
def test_folds_validate_every_row_once_a_repeat_and_train_on_the_others(chunk):
    y = np.arange(9, dtype=np.float32) ** 2
    search = train.grid_search(
        least_squares, {"rate": [0.5], "seed": [1, 2]}, (y[:, None], y), key=jax.random.key(KEY),
        folds=3, repeats=2, chunk=chunk,
    )  # fmt: skip
    # A full step of rate 1/2 lands on the mean of the fold's six training rows.
    values = np.asarray(y, np.float64)
    expected = np.zeros((2, 3))
    folds_key = jax.random.fold_in(jax.random.key(KEY), FOLDS)
    for repeat in range(2):
        order = np.asarray(jax.random.permutation(jax.random.fold_in(folds_key, repeat), 9))
        for fold, part in enumerate(order.reshape(3, 3)):
            rest = np.setdiff1d(np.arange(9), part)
            expected[repeat, fold] = np.mean((values[part] - values[rest].mean()) ** 2)
    assert not set(expected[0]) & set(expected[1])  # each repeat has its own folds
    for row in search.rows:
        np.testing.assert_allclose(row.scores, expected, rtol=1e-5)


@pytest.mark.parametrize("chunk", [1, 4])
def test_each_fold_has_its_share_of_every_label(chunk):
    y = np.array([5.0, 7.0, 7.0, 5.0, 7.0, 7.0, 7.0, 7.0, 5.0], np.float32)
    seen = []

    def share(key, train_data, validation, *, scale):
        del key
        train_state = train.init(jnp.zeros(()), (), optax.sgd(0.1))
        shares = jnp.stack([(part[1] == 5).sum() for part in (train_data, validation)])
        seen.append([len(part[1]) for part in (train_data, validation)])
        curves = {"validation_loss": scale * (10 * shares[0] + shares[1])[None]}
        return train_state, train.History(curves=curves, epochs=1)

    search = train.grid_search(
        share, {"scale": [1.0]}, (y[:, None], y), key=jax.random.key(KEY), folds=3, repeats=2,
        stratify=np.where(y == 5, "few", "many"), chunk=chunk,
    )  # fmt: skip
    # Of three rows one is in each fold, beside two of the others, and two train.
    assert seen[0] == [6, 3]
    np.testing.assert_array_equal(search.best.scores, np.full((2, 3), 21.0))


def test_a_setting_that_diverges_is_the_last_row_and_each_method_has_its_own_program():
    x = np.ones((6, 1), np.float32)
    search = train.grid_search(
        least_squares, {"rate": [3e38, 0.1, 0.4], "method": ["sgd", "adam"]}, (x, 2 * x[:, 0]),
        (x, 2 * x[:, 0]), key=jax.random.key(0),
    )  # fmt: skip
    assert [row.failed for row in search.rows] == [False] * 4 + [True] * 2
    assert search.best.setting == {"rate": 0.4, "method": "sgd"}
    assert {row.setting["rate"] for row in search.rows[-2:]} == {3e38}
    assert str(search).splitlines()[-1].endswith("validation_loss is inf")


def test_a_run_that_a_step_has_ended_has_no_score_whatever_its_curve_was():
    def run(key, train_data, validation, *, rate):
        def objective(params, state, batch, *, key=None, train=False):
            broken = train & (params > 1.5)
            return jnp.where(broken, jnp.nan, -params), (state, {})

        sgd = optax.sgd(rate)
        go = train.make_run(objective, sgd, epochs=3, batch_size=2)
        return go(key, train.init(jnp.array(0.0), (), sgd), train_data, validation)

    x = np.ones((2, 1), np.float32)
    search = train.grid_search(run, {"rate": [0.1, 1.0]}, (x, x), (x, x), key=jax.random.key(0))
    # At the rate of 1 two epochs end with the losses -1 and -2, and the third with NaN.
    assert [row.setting["rate"] for row in search.rows] == [0.1, 1.0]
    assert [row.failure for row in search.rows] == ["", "step 2 was not finite"]
    np.testing.assert_allclose([row.mean for row in search.rows], [-0.3, np.nan], rtol=1e-6)


def test_mode_max_ranks_the_highest_score_first():
    x = np.ones((6, 1), np.float32)
    search = train.grid_search(
        least_squares, {"rate": [0.1, 0.3]}, (x, 2 * x[:, 0]), (x, x[:, 0]), key=jax.random.key(0),
        mode="max",
    )  # fmt: skip
    assert search.best.mean > search.rows[1].mean


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"grid": {}}, ValueError, "at least one value"),
        ({"grid": {"rate": []}}, ValueError, "at least one value for rate"),
        ({"grid": {"method": "adam"}}, ValueError, "a list of .* for method, got 'adam'"),
        ({"grid": {"rate": 0.1}}, ValueError, "a list of .* for rate, got 0.1"),
        ({"grid": {"rate": jnp.array(0.1)}}, ValueError, "a list of .* for rate, got Array"),
        ({}, ValueError, "no curve 'validation_loss' .*need validation data or folds"),
        ({"grid": {"rat": [1.0]}}, TypeError, r"the run must take \(key, .* rat\)"),
        ({"folds": 1}, ValueError, "folds must be between 2 and the 6 rows, got 1"),
        ({"folds": 7}, ValueError, "folds must be between 2 and the 6 rows, got 7"),
        ({"folds": 2, "validation": (np.ones((6, 1)), np.ones(6))}, ValueError, "of their own"),
        ({"stratify": np.zeros(6)}, ValueError, "stratify needs folds="),
        ({"folds": 2, "stratify": np.zeros(5)}, ValueError, r"labels \(6,\), got shape \(5,\)"),
        ({"repeats": 0}, ValueError, "repeats must be an integer above 0"),
        ({"chunk": 0}, ValueError, "chunk must be an integer above 0"),
        ({"score": "validation_accuracy", "folds": 2}, ValueError, "no curve 'validation_acc"),
        ({"score": 3, "folds": 2}, TypeError, "score must be the name .* or a function"),
        ({"mode": "maximum", "folds": 2}, ValueError, 'mode must be "min" or "max", got'),
        ({"grid": {"rate": [0.1], "method": ["sgdd"]}, "folds": 2}, AttributeError, "sgdd"),
    ],
)
def test_a_search_that_cannot_be_made_raises_before_anything_trains(
    changes, error, message, monkeypatch
):
    monkeypatch.setattr(ranking, "one_by_one", lambda *given: pytest.fail("it trains"))
    options = {"grid": {"rate": [0.1]}, "validation": None} | changes
    grid, validation = options.pop("grid"), options.pop("validation")
    x = np.ones((6, 1), np.float32)
    with pytest.raises(error, match=message):
        train.grid_search(
            least_squares, grid, (x, x[:, 0]), validation, key=jax.random.key(0), **options
        )


def test_a_run_may_split_its_key_though_all_settings_have_the_same_one():
    seen = []

    def run(key, train_data, validation, *, rate):
        init_key, run_key = jax.random.split(key)
        params = jax.random.normal(init_key, (3,)) * rate
        loss = jnp.sum(params)[None] + jax.random.normal(run_key)
        jax.debug.callback(lambda bits: seen.append(bits.tolist()), jax.random.key_data(init_key))
        curves = {"train_loss": loss, "validation_loss": loss}
        return train.init(params, (), optax.sgd(0.1)), train.History(curves=curves, epochs=1)

    data = np.ones((4, 2), np.float32), np.ones(4, np.float32)
    train.grid_search(run, {"rate": [1.0, 2.0, 3.0]}, data, key=jax.random.key(8), folds=2)
    jax.effects_barrier()
    assert len(seen) == 6
    assert len({tuple(bits) for bits in seen}) == 2  # one key for each fold, of every setting
