import base64
import dataclasses
import re
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.datasets import load_digits

import losses
import nn
import train
from train.steps.optimum import known_optimum

NAN = float("nan")


def history(**curves):
    made = train.History.empty().append(curves)
    return dataclasses.replace(made, untrained_loss=2.3, optimum=0.0)


def test_a_notebook_shows_the_diagnosis_the_drawn_loss_and_the_table(monkeypatch):
    made = history(train_loss=[1.0, 0.5], validation_loss=[1.0, 0.75])
    shown = made._repr_html_()
    drawing, table = shown.split("<table>")
    svg = base64.b64decode(re.search(r"svg\+xml;base64,([^\"]+)", drawing)[1]).decode()
    assert "validation loss" in svg
    assert "too little data" in table
    assert "<td>0.75</td>" in table
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert made._repr_html_() == f"<table>{table}"


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
    assert str(diagnosis).startswith(f"{kind}: ")
    assert len(str(diagnosis).splitlines()) == 2
    assert all(len(line) <= 110 for line in str(diagnosis).splitlines())


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


LIKELIHOOD = 2.1 + 2.9 * np.exp(-EPOCHS / 3)  # no lower than its entropy, 2.1


@pytest.mark.parametrize(
    ("kind", "train_loss", "validation_loss"),
    [
        ("ideal", LIKELIHOOD, LIKELIHOOD + 0.02 + NOISE / 10),
        ("overfitting", LIKELIHOOD, LIKELIHOOD + 0.5 + NOISE / 10),  # a gap
        ("overfitting", LIKELIHOOD, LIKELIHOOD + 0.02 * EPOCHS),  # a rise
        ("underfitting", np.full(30, 5.0), np.full(30, 5.01)),  # nothing learned
        ("not converged", 5 - 0.05 * EPOCHS, 5 - 0.05 * EPOCHS + NOISE / 10),
        ("diverged", 5 * 1.5**EPOCHS, LIKELIHOOD),
    ],
)
def test_a_loss_whose_best_is_not_known_is_judged_by_improvement_alone(
    kind, train_loss, validation_loss
):
    made = history(train_loss=train_loss, validation_loss=validation_loss)
    made = dataclasses.replace(made, untrained_loss=5.0, optimum=NAN)
    assert made.diagnose().kind == kind, str(made.diagnose())
    if kind == "ideal":  # above 0 it would be called high
        assert made.diagnose(optimum=0.0).kind == "underfitting"
        assert made.diagnose(optimum=2.1).kind == "ideal"


def gaussian_nll(predictions, targets, *, where=None):
    mean, log_scale = predictions[..., 0], predictions[..., 1]
    return 0.5 * ((targets - mean) / jnp.exp(log_scale)) ** 2 + log_scale + 0.919


def unit_gaussian_nll(predictions, targets, *, where=None):
    return 0.5 * (predictions - targets) ** 2 + 0.919


LABELS = np.array([2, 0, 1])


@pytest.mark.parametrize(
    ("loss", "y", "optimum"),
    [
        (losses.squared_error, np.array([[0.5], [2.0]]), 0.0),
        (losses.softmax_cross_entropy_with_integer_labels, LABELS, 0.0),
        (losses.softmax_cross_entropy, np.eye(3)[LABELS], 0.0),
        (losses.softmax_cross_entropy, np.full((2, 4), 0.25), NAN),  # its entropy
        (losses.binary_cross_entropy_with_logits, np.array([[0.0], [1.0]]), 0.0),
        (gaussian_nll, np.array([0.5, 2.0]), NAN),
        (unit_gaussian_nll, np.array([0.5, 2.0]), NAN),
        (losses.poisson_nll, np.array([0.0, 3.0]), NAN),
    ],
)
def test_a_best_loss_of_zero_is_known_where_a_perfect_prediction_costs_nothing(loss, y, optimum):
    x = np.ones((len(y), 2), np.float32)
    np.testing.assert_equal(known_optimum(train.supervised(lambda *a, **k: a, loss), y), optimum)
    np.testing.assert_equal(known_optimum(lambda *a, **k: a, (x, y)), NAN)


def test_no_advice_is_given_that_was_followed():
    overfitted = history(train_loss=FALLING, validation_loss=2.3 - FALLING / 2 + 0.01 * EPOCHS)
    advice = overfitted.diagnose().advice
    assert "keep_best=True: epoch 1 was best" in advice
    assert "keep_best" not in dataclasses.replace(overfitted, kept_epoch=1).diagnose().advice
    at_its_best = history(train_loss=FALLING, validation_loss=FALLING + 0.5).diagnose()
    assert at_its_best.kind == "overfitting"
    assert "keep_best" not in at_its_best.advice
    for epochs, validated, expected in [
        (3, True, "train for at least five epochs"),
        (3, False, "train for at least five epochs and pass validation data"),
        (30, False, "pass validation data"),
    ]:
        curves = {"train_loss": FALLING[:epochs]}
        curves |= {"validation_loss": FALLING[:epochs]} if validated else {}
        assert history(**curves).diagnose().advice == expected


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
    assert "<!-- mine -->" in (tmp_path / "mine.svg").read_text()
    with pytest.raises(KeyError, match="no curve 'train_lossy'"):
        history(train_loss=FALLING).figure(curve="lossy")


def drawn(path):
    """The words in a picture, which are text in it."""
    return set(re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text()))


def test_the_axis_of_a_positive_loss_begins_at_zero():
    losses = {"train_loss": [2.0, 1.9], "validation_loss": [2.1, 2.0]}
    axes = train.History.empty().append(losses).figure().axes[0]
    assert axes.get_ylim()[0] == 0
    below = train.History.empty().append({"train_loss": [0.5, -0.5]}).figure().axes[0]
    assert below.get_ylim()[0] < -0.5


def test_a_picture_as_svg_holds_its_words_and_is_the_same_file_twice(tmp_path):
    history = train.History.empty().append({"train_loss": [2.0, 1.0]})
    for name in ("one.svg", "two.svg"):
        history.plot(tmp_path / name)
    assert ">training loss</text>" in (tmp_path / "one.svg").read_text()
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_counts_that_no_model_has_outputs_for_make_no_table_of_classes():
    objective = train.supervised(lambda params, x: x, losses.squared_error)
    assert known_optimum(objective, np.full((3, 1), 2**31 - 1)) == 0
