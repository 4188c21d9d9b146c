import dataclasses
import re

import jax
import numpy as np
import optax
import pytest
from sklearn.datasets import load_digits

import losses
import nn
import train

NAN = float("nan")


def history(**curves):
    made = train.History.empty().append(curves)
    return dataclasses.replace(made, untrained_loss=2.3)


def test_an_unknown_curve_raises_an_error_that_lists_the_known_ones():
    with pytest.raises(KeyError, match=r"no curve 'lossy': there are train_loss"):
        history(train_loss=[1.0])["lossy"]


def test_a_printed_history_has_ten_lines_at_most_and_ends_with_the_last_epoch():
    lines = str(history(train_loss=np.arange(57.0))).splitlines()
    assert len(lines) == 1 + 10
    assert lines[1].split() == ["1", "0"]
    assert lines[-1].split() == ["57", "56"]


@pytest.mark.parametrize(
    "read",
    [
        lambda runs: runs["train_loss"],
        lambda runs: runs.append({"train_loss": [1.0]}),
        lambda runs: runs.rows(),
        str,
        lambda runs: runs.diagnose(),
        lambda runs: runs.plot("runs.svg"),
        lambda runs: train.plot_runs({"both": runs}, "runs.svg"),
        lambda runs: runs.to_dict(),
    ],
)
def test_reading_a_history_of_several_runs_raises_an_error_that_says_how_to_take_one(
    tmp_path, monkeypatch, read
):
    monkeypatch.chdir(tmp_path)
    alone = [history(train_loss=[2.0, last]) for last in (0.5, 1.0)]
    runs = jax.tree.map(lambda *leaves: np.stack(leaves), *alone)
    with pytest.raises(ValueError, match=r"one run to be read, got 2 runs .* leaf\[i\], history\)"):
        read(runs)
    assert jax.tree.map(lambda leaf: leaf[1], runs).rows() == alone[1].rows()


EPOCHS = np.arange(1, 31)
FALLING = 2.3 * np.exp(-EPOCHS / 3)
NOISE = 0.02 * np.random.default_rng(0).normal(size=30)


@pytest.mark.parametrize(
    ("kind", "train_loss", "validation_loss"),
    [
        ("ideal", FALLING + 0.05, FALLING + 0.06 + NOISE / 10),
        ("overfitting", FALLING, FALLING + 0.5 + NOISE),  # a gap
        ("overfitting", FALLING + 0.4, FALLING + 0.4 + 0.01 * EPOCHS),  # a rise
        ("underfitting", FALLING + 1.2, FALLING + 1.25 + NOISE),
        ("underfitting", np.full(30, 2.3), np.full(30, 2.31)),  # nothing learned
        ("not converged", 2.3 - 0.03 * EPOCHS, 2.35 - 0.03 * EPOCHS + NOISE / 10),
        ("diverged", 2.3 * 1.5**EPOCHS, 2.3 * 1.5**EPOCHS),
        ("diverged", np.where(EPOCHS < 20, FALLING, NAN), FALLING),
        ("too little data to say", FALLING[:4], FALLING[:4]),
    ],
)
def test_curves_of_a_known_kind_are_diagnosed_as_that_kind(kind, train_loss, validation_loss):
    diagnosis = history(train_loss=train_loss, validation_loss=validation_loss).diagnose()
    assert diagnosis.kind == kind, str(diagnosis)
    assert str(diagnosis).startswith(f"{kind} (epochs {len(train_loss)}")


def test_without_validation_data_the_diagnosis_rests_on_the_training_loss():
    assert history(train_loss=FALLING).diagnose().kind == "too little data to say"
    assert history(train_loss=FALLING + 1.2).diagnose().kind == "underfitting"


def test_a_gap_within_the_noise_of_the_validation_loss_is_no_overfitting():
    quiet, noisy = FALLING + 0.2, FALLING + 0.2 + np.where(EPOCHS % 2, 0.2, -0.2)
    assert history(train_loss=FALLING, validation_loss=quiet).diagnose().kind == "overfitting"
    assert history(train_loss=FALLING, validation_loss=noisy).diagnose().kind == "ideal"


def test_the_evidence_has_the_gap_as_a_share_of_the_validation_loss():
    curves = {"train_loss": np.full(12, 0.3), "validation_loss": np.full(12, 0.4)}
    evidence = history(**curves).diagnose().evidence
    np.testing.assert_allclose(evidence["gap relative to validation loss"], 0.25)


ZERO, SEPARATED = np.zeros(12), np.array([1.0, 0.5, *[0.0] * 10])  # as of a hinge


@pytest.mark.parametrize(
    ("kind", "untrained_loss", "train_loss", "validation_loss"),
    [
        ("ideal", 1.0, SEPARATED, SEPARATED),
        ("ideal", 1.0, ZERO, SEPARATED),
        ("ideal", 0.0, ZERO, ZERO),
        ("ideal", NAN, ZERO, ZERO),
        ("overfitting", 1.0, SEPARATED, SEPARATED + 0.3),
        ("diverged", 0.0, np.arange(12.0), ZERO),
    ],
)
def test_a_loss_of_zero_is_judged_by_finite_numbers(
    kind, untrained_loss, train_loss, validation_loss
):
    made = history(train_loss=train_loss, validation_loss=validation_loss)
    diagnosis = dataclasses.replace(made, untrained_loss=untrained_loss).diagnose()
    assert diagnosis.kind == kind, str(diagnosis)
    assert np.isfinite(list(diagnosis.evidence.values())).all()


DENSITY = -4.601 + 0.051 * np.exp(-EPOCHS / 4)  # the scale of a likelihood: no 0 for its best
FLAT_BUT_NOISY = -4.56 + np.where(EPOCHS % 2, 0.01, -0.01)


@pytest.mark.parametrize(
    ("kind", "train_loss", "validation_loss"),
    [
        ("ideal", DENSITY, DENSITY),
        ("ideal", DENSITY, DENSITY + 0.003 + NOISE / 100),
        ("overfitting", DENSITY, DENSITY + 0.02 + NOISE / 100),  # a gap
        ("overfitting", -4.55 - 0.05 * EPOCHS, DENSITY + 0.01 * EPOCHS),  # a rise
        ("underfitting", np.full(30, -4.55), np.full(30, -4.55)),  # nothing learned
        ("underfitting", FLAT_BUT_NOISY, FLAT_BUT_NOISY),
        ("not converged", -4.55 - 0.05 * EPOCHS, -4.55 - 0.05 * EPOCHS + NOISE / 10),
        ("diverged", -4.55 + 1.5**EPOCHS, DENSITY),
    ],
)
def test_a_loss_below_zero_is_diagnosed_by_how_far_it_fell(kind, train_loss, validation_loss):
    made = history(train_loss=train_loss, validation_loss=validation_loss)
    diagnosis = dataclasses.replace(made, untrained_loss=-4.55).diagnose()
    assert diagnosis.kind == kind, str(diagnosis)


def test_a_loss_that_rounds_to_below_zero_counts_as_zero():
    rounded = FALLING - 2e-4
    assert rounded.min() < 0
    diagnosis = history(train_loss=rounded, validation_loss=rounded + 0.2).diagnose()
    assert diagnosis.kind == "overfitting", str(diagnosis)


def test_the_line_through_a_spike_does_not_end_below_the_losses():
    spiked = np.array([2.5e8, 2.3e6, 1.1e5, *np.geomspace(300, 28, 57)])
    diagnosis = history(train_loss=spiked[:6], validation_loss=spiked[:6]).diagnose()
    assert diagnosis.kind == "diverged", str(diagnosis)


# On digits; that the default example is ideal is for its own test to see.
@pytest.mark.parametrize(
    ("kind", "images", "width", "learning_rate"),
    [
        ("overfitting", 100, 32, 1e-2),
        ("underfitting", 1400, 2, 3e-2),
        ("diverged", 1400, 32, 100.0),
    ],
)
def test_real_runs_are_diagnosed(kind, images, width, learning_rate):
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = np.asarray(x, np.float32)[order] / 16, np.asarray(y, np.int32)[order]
    model = nn.mlp((64, width, 10))
    optimizer = optax.adam(learning_rate)
    params, state = jax.jit(model.init)(jax.random.key(0))
    _, history = train.fit(
        jax.random.key(1),
        train.init(params, state, optimizer),
        train.supervised(model.apply, losses.softmax_cross_entropy_with_integer_labels),
        optimizer,
        (x[:images], y[:images]),
        validation=(x[1400:], y[1400:]),
        epochs=40,
        batch_size=50,
        epochs_per_call=40,
    )
    diagnosis = history.diagnose()
    assert diagnosis.kind == kind, str(diagnosis)


def test_plots_show_both_curves_and_the_gap_and_name_the_diagnosis(tmp_path):
    overfitting = history(train_loss=FALLING, validation_loss=FALLING + 0.5)
    overfitting.plot(tmp_path / "one.svg")
    words = drawn(tmp_path / "one.svg")
    assert {"overfitting", "training loss", "validation loss", "generalization gap"} <= words
    train.plot_runs({"narrow": overfitting, "wide": overfitting}, tmp_path / "two.svg")
    assert {"narrow", "wide"} <= drawn(tmp_path / "two.svg")
    with pytest.raises(ValueError, match="at least one history"):
        train.plot_runs({}, tmp_path / "none.svg")


def test_drawing_an_unknown_curve_raises_and_writes_no_file(tmp_path):
    path, known = tmp_path / "runs.svg", history(train_loss=FALLING, validation_loss=FALLING)
    unknown = r"no curve '?train_lossy'?: there are train_loss, validation_loss"
    with pytest.raises(KeyError, match=f"run 'wide' has {unknown}"):
        train.plot_runs({"wide": known}, path, curve="lossy")
    with pytest.raises(KeyError, match="run 'empty' has no curve train_loss: there are none"):
        train.plot_runs({"wide": known, "empty": train.History.empty()}, path)
    with pytest.raises(KeyError, match=unknown):
        known.plot(path, curve="lossy")
    assert not path.exists()


def test_a_figure_can_be_changed_before_it_is_saved(tmp_path):
    fig = history(train_loss=FALLING, validation_loss=FALLING + 0.5).figure()
    np.testing.assert_array_equal(fig.axes[0].lines[1].get_ydata(), FALLING + 0.5)
    fig.axes[0].set_title("mine")
    fig.savefig(tmp_path / "mine.svg")
    assert "mine" in drawn(tmp_path / "mine.svg")
    with pytest.raises(KeyError, match="no curve 'train_lossy'"):
        history(train_loss=FALLING).figure(curve="lossy")


def drawn(path):
    """The words in a picture; matplotlib notes each one beside its outlines."""
    return {word.strip() for word in re.findall("<!--(.*?)-->", path.read_text())}
