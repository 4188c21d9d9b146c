"""What a search ranks by, how sure its means are, and what becomes of a setting that fails."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import train
from train.search.spread import standard_error

X = np.ones((2, 1), np.float32)
NAN = float("nan")


def scripted(key, train_data, validation, *, dip, keep_best=True):
    """A run of three epochs with the validation losses 3, dip and 5, and the metric `epoch`."""

    def objective(params, state, batch, *, key=None, train=False):
        epoch = jax.lax.stop_gradient(params).round().astype(int)
        loss = jnp.array([3.0, dip, 5.0])[epoch - 1]
        metrics = {"loss": _one(loss), "epoch": _one(epoch.astype(float))}
        return (-params, (state, {})) if train else (loss, (state, metrics))

    sgd = optax.sgd(1.0)
    go = train.make_run(objective, sgd, epochs=3, batch_size=2, keep_best=keep_best)
    return go(key, train.init(jnp.zeros(()), (), sgd), train_data, validation)


def _one(value):
    return train.metrics.Mean(value, jnp.ones(()))


def search(run=scripted, grid=None, **options):
    grid = {"dip": [4.0, 2.0, 1.0]} if grid is None else grid
    return train.grid_search(run, grid, (X, X), (X, X), key=jax.random.key(0), **options)


@pytest.mark.parametrize("chunk", [1, 64])
def test_a_run_is_ranked_by_the_epoch_that_it_keeps(chunk):
    kept = search(chunk=chunk)
    assert [(row.setting["dip"], row.mean) for row in kept.rows] == [(1, 1), (2, 2), (4, 3)]
    for row in kept.rows:
        train_state, history = kept.replay(row)
        assert history["validation_loss"][int(train_state.params) - 1] == row.mean
    last = search(grid={"dip": [4.0, 1.0], "keep_best": [False]}, chunk=chunk)
    assert [row.mean for row in last.rows] == [5, 5]


@pytest.mark.parametrize(
    ("score", "mode", "best", "mean", "name"),
    [
        ("epoch", "max", 2.0, 2.0, "epoch"),  # of the epochs that are kept 1, 2, 2
        ("validation_loss", "max", 4.0, 3.0, "validation_loss"),
        ("loss", "min", 1.0, 1.0, "loss"),
        (lambda history: history["validation_loss"].mean(), "max", 4.0, 4.0, "<lambda>"),
    ],
)
def test_a_score_is_a_curve_or_a_metric_or_a_function_of_the_history(score, mode, best, mean, name):
    ranked = search(score=score, mode=mode)
    assert (ranked.best.setting["dip"], ranked.best.mean, ranked.score) == (best, mean, name)


def test_a_score_that_is_no_number_is_told():
    with pytest.raises(TypeError, match=r"score must return one number, got array\(\[3.*<lambda>"):
        search(score=lambda history: history["validation_loss"])


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("chunk", [1, 64])
def test_a_score_of_nan_is_a_failed_row_at_the_end_that_says_why(mode, chunk):
    grid = {"dip": [NAN, 2.0, np.inf], "keep_best": [False]}
    by_middle = search(
        grid=grid, score=lambda h: h["validation_loss"][1], mode=mode, repeats=2, chunk=chunk
    )
    assert [row.failed for row in by_middle.rows] == [False, True, True]
    assert by_middle.best.setting["dip"] == 2
    reasons = {str(row.setting["dip"]): row.failure for row in by_middle.rows}
    assert reasons["nan"].startswith("2 of 2 runs: ")
    assert reasons["inf"] == "2 of 2 runs: <lambda>(history) is inf"
    assert all(np.isnan(row.mean) and np.isnan(row.scores).all() for row in by_middle.rows[1:])


@pytest.mark.parametrize("chunk", [1, 64])
def test_a_run_whose_validation_became_nan_is_failed_whatever_it_kept_before(chunk):
    ranked = search(grid={"dip": [NAN, 4.0]}, chunk=chunk)  # with an epoch of the loss 3 before
    assert [row.setting["dip"] for row in ranked.rows] == [4.0, pytest.approx(NAN, nan_ok=True)]
    assert ranked.rows[1].failure == "the validation loss of epoch 2 was not a number"


def compilations(caplog):
    """How many programs were compiled that make a run."""
    return sum("Finished XLA compilation of jit(bound_run)" in line for line in caplog.messages)


def refusing(key, train_data, validation, *, dip, width):
    if width > 4:
        raise ValueError(f"no such width: {width}")
    return scripted(key, train_data, validation, dip=dip)


@pytest.mark.parametrize("widths", [[3, 5], [5, 3]])
def test_a_setting_whose_run_raises_is_a_failed_row_and_the_others_share_a_program(widths, caplog):
    with jax.log_compiles():
        ranked = search(refusing, {"dip": [4.0, 1.0], "width": widths}, chunk=1)
    assert compilations(caplog) == 1
    assert [row.mean for row in ranked.rows[:2]] == [1, 3]
    assert [row.setting["width"] for row in ranked.rows] == [3, 3, 5, 5]
    failures = [row.failure for row in ranked.rows]
    assert failures == ["", "", *["ValueError: no such width: 5"] * 2]
    assert "no such width: 5" in str(ranked)


def test_what_every_setting_raises_is_raised_with_the_setting():
    with pytest.raises(ValueError, match="no such width: 6") as raised:
        search(refusing, {"dip": [4.0, 1.0], "width": [6, 5]})
    assert "in grid_search, with" in str(raised.value.__notes__)


def test_a_search_in_which_all_settings_failed_has_no_best_one_and_says_why():
    ranked = search(grid={"dip": [4.0], "keep_best": [False]}, score=lambda h: NAN)
    assert repr(ranked) == "Search(1 setting of dip, keep_best, all failed)"
    with pytest.raises(ValueError, match=r"no setting has a score; .*<lambda>\(history\) is nan"):
        ranked.best  # noqa: B018
    with pytest.raises(ValueError, match="no setting has a score"):
        ranked.replay()


def test_a_run_that_returns_no_history_is_told():
    with pytest.raises(TypeError, match=r"the run must return \(train_state, history\), got Shape"):
        search(lambda key, train_data, validation, *, dip: (dip, 3))
    with pytest.raises(TypeError, match=r"the run must return .*, got None: return what"):
        search(lambda key, train_data, validation, *, dip: None)


def test_four_settings_and_a_replay_are_one_trace_and_one_compilation(caplog):
    traced = []

    def run(key, train_data, validation, *, dip):
        traced.append(dip)
        return scripted(key, train_data, validation, dip=dip)

    with jax.log_compiles():
        ranked = search(run, {"dip": [4.0, 2.0, 1.0, 0.5]}, repeats=2, chunk=1)
        for row in ranked.rows:
            history = ranked.replay(row, repeat=1)[1]
            assert history["validation_loss"].min() == row.scores[1, 0]  # to the last bit
    assert compilations(caplog) == len(traced) == 1


def test_one_call_a_run_is_the_default_on_a_cpu_and_a_batch_elsewhere():
    assert [train.search.ranking._default_chunk(name) for name in ("cpu", "gpu")] == [1, 64]


def test_the_platform_is_that_of_the_data_or_of_the_device_that_was_set(monkeypatch):
    platform_of, devices_of = train.search.devices.platform_of, train.search.devices.devices_of
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    cpu, loose = jax.devices("cpu")[0], np.ones(3)
    assert [platform_of(loose), platform_of((loose, jax.device_put(loose, cpu)))] == ["gpu", "cpu"]
    assert devices_of(loose, None) == tuple(jax.local_devices())
    with jax.default_device(cpu):
        assert platform_of(loose) == "cpu"
        assert devices_of(loose, None) == ()


FOLDS, REPEATS, ROWS, DRAWS = 4, 3, 24, 3000


def cross_validations(of_data, of_seeds, of_learning):
    """Draw scores `[draws, repeats, folds]` in NumPy, the data anew for each draw.

    Args:
        of_data: How much the rows' losses differ.
        of_seeds: How much a run's own randomness adds.
        of_learning: Whether the model is the mean of the training rows; else it is constant.
    """
    random = np.random.default_rng(5)
    scores = np.zeros((DRAWS, REPEATS, FOLDS))
    for draw in range(DRAWS):
        rows = of_data * random.gamma(2.0, size=ROWS)
        for repeat in range(REPEATS):
            parts = random.permutation(ROWS).reshape(FOLDS, -1)
            for fold, part in enumerate(parts):
                model = np.delete(rows, part).mean() if of_learning else 0.0
                scores[draw, repeat, fold] = ((rows[part] - model) ** 2).mean()
    return scores + of_seeds * random.normal(size=scores.shape)


@pytest.mark.parametrize(
    ("noise", "repeats", "folds", "most"),
    [
        ((1.0, 0.0, False), REPEATS, FOLDS, 1.05),  # the repeats cut one sample in other ways
        ((1.0, 0.0, False), 1, FOLDS, 1.05),
        ((0.0, 1.0, False), REPEATS, 1, 1.05),
        ((1.0, 0.0, True), REPEATS, FOLDS, 1.05),
        # The share of the data, which is 0 here, is estimated as 0 or more.
        ((0.0, 1.0, False), REPEATS, FOLDS, 1.35),
        ((1.0, 6.0, False), REPEATS, FOLDS, 1.35),
    ],
)
def test_the_standard_error_is_the_spread_of_the_mean_over_many_data_sets(
    noise, repeats, folds, most
):
    scores = cross_validations(*noise)[:, :repeats, :folds]
    told = np.mean([standard_error(each) ** 2 for each in scores]) ** 0.5
    spread = scores.mean(axis=(1, 2)).std()
    assert 0.95 <= told / spread <= most


def test_a_standard_error_of_one_run_is_unknown_and_of_equal_runs_is_zero():
    assert np.isnan(standard_error(np.array([[2.0]])))
    assert standard_error(np.full((3, 4), 2.0)) == 0


def test_a_search_of_one_run_each_prints_no_column_of_errors_that_are_unknown():
    single = train.Row.of({"width": 8}, np.array([[1.0]]))
    search = train.Search(rows=(single,), score="loss")
    assert str(search).split() == ["width", "loss", "8", "1"]
    several = train.Row.of({"width": 8}, np.array([[1.0, 2.0]]))
    assert "standard error" in str(train.Search(rows=(several,), score="loss"))
