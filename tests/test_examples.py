"""Every example is run as a user runs it, and what it prints is read."""

import dataclasses
import importlib.util
import re
import runpy
import struct
import sys
import textwrap
import tokenize
from pathlib import Path

import jax
import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ROOT = Path(__file__).parent.parent


@pytest.fixture
def printed(capfd, monkeypatch):
    def run(example, *arguments):
        monkeypatch.setattr(sys, "argv", [example, *arguments])
        runpy.run_path(str(ROOT / "examples" / f"{example}.py"), run_name="__main__")
        out, error = capfd.readouterr()
        assert error == ""
        return out

    return run


def share(text, label):
    (percent,) = re.findall(rf"{label}: ([\d.]+)%", text)
    return float(percent) / 100


def curve(text, name):
    """A column of the printed history."""
    head, *rows = (
        line.split() for line in text.splitlines() if line.startswith(" ") or name in line
    )
    return [float(row[head.index(name)]) for row in rows]


def test_the_digits_example_tells_digits_apart_and_is_diagnosed_as_ideal(printed):
    text = printed("digits")
    assert share(text, "test accuracy") >= 0.97
    losses = curve(text, "validation_loss")
    assert len(losses) == 10
    assert losses[-1] < 0.3 * losses[0]
    assert "\nideal: a small gap, low losses (train loss" in text


def test_the_diabetes_example_explains_two_fifths_of_the_variance(printed):
    text = printed("diabetes")
    assert share(text, "variance explained on unseen patients") > 0.4
    losses = curve(text, "train_loss")
    assert losses[-1] < losses[0]


def test_the_breast_cancer_example_tells_tumours_apart(printed):
    text = printed("breast_cancer")
    assert share(text, "test accuracy") > 0.93
    assert curve(text, "validation_loss")[-1] < 0.2


def test_four_ways_to_differentiate_train_and_three_of_them_make_the_same_network(printed):
    *lines, last = printed("four_gradients").splitlines()[2:]
    assert "noisy in each step" in last
    table = {line[:16].strip(): line[16:].split() for line in lines}
    assert list(table) == ["reverse", "forward", "numerical", "forward gradient"]
    losses = {name: float(loss) for name, (_, loss, _) in table.items()}
    assert losses["forward"] == pytest.approx(losses["reverse"], abs=1e-3)
    assert losses["numerical"] == pytest.approx(losses["reverse"], abs=2e-2)
    assert losses["reverse"] < losses["forward gradient"] < 2.3  # which learns, but slowly


def test_an_l1_penalty_makes_weights_zero_and_an_l2_penalty_makes_none(printed, tmp_path):
    lines = printed("penalties", str(tmp_path)).splitlines()[1:]
    table = np.array([line.split() for line in lines], float)
    assert (table[:, 2] == 0).all()
    assert (np.diff(table[:, 1]) >= 0).all()
    assert table[3, 1] == 8  # all but the two that matter
    assert "strength of the penalty" in (tmp_path / "penalties.svg").read_text()


def test_an_ensemble_of_dropout_is_less_sure_beyond_its_data(printed, tmp_path):
    text = printed("dropout_ensemble", str(tmp_path))
    within, beyond = (float(number) for number in re.findall(r"data: ([\d.]+)", text))
    assert 0.02 < within < beyond
    assert "full network" in (tmp_path / "dropout.svg").read_text()


def test_the_losses_of_regression_have_the_slopes_of_their_formulas(printed, tmp_path):
    table = dict(
        re.split(r"  +", line, maxsplit=1)
        for line in printed("three_losses", str(tmp_path)).splitlines()
    )
    assert table["squared error"] == "0.2  2  20"
    assert table["absolute error"] == "1  1  1"
    assert table["huber"] == "0.1  1  1"
    assert "two classes" in (tmp_path / "losses.svg").read_text()


@pytest.mark.compiled_as_for_a_user  # unoptimized convolutions are slow
def test_the_image_example_reads_a_folder_and_beats_logistic_regression(printed, tmp_path):
    images, labels = load_digits(return_X_y=True)
    parts = {"train": slice(0, 1400), "t10k": slice(1400, None)}
    for part, rows in parts.items():
        pixels = (images[rows] * 15).astype(np.uint8).reshape(-1, 8, 8)
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", pixels)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", labels[rows].astype(np.uint8))
    text = printed("fashion_mnist", "--data", str(tmp_path), "--epochs", "6")
    baseline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    baseline.fit(images[:1400], labels[:1400])
    assert share(text, "test accuracy") > baseline.score(images[1400:], labels[1400:]) + 0.01
    rates = curve(text, "learning_rate")  # up, then down to nothing
    assert rates.index(max(rates)) in (0, 1)
    assert rates[-1] < 1e-4 * max(rates)


def test_the_image_example_takes_the_digits_where_there_is_no_folder(capsys):
    example = runpy.run_path(str(ROOT / "examples" / "fashion_mnist.py"))
    (x, y), (test_x, _) = example["read"](Path("nowhere"), 60_000)
    assert "no folder nowhere: these are the digits of scikit-learn" in capsys.readouterr().out
    assert (x.shape, len(y), len(test_x)) == ((1438, 8, 8, 1), 1438, 359)
    assert (x.dtype, x.max()) == (np.uint8, 240)


def test_the_text_example_tells_kinds_that_single_characters_do_not(printed):
    text = printed("syntax")
    example = runpy.run_path(str(ROOT / "examples" / "syntax.py"))
    (ids, kinds), (test_ids, test_kinds) = (
        example["read"](*modules) for modules in ((textwrap, dataclasses), (tokenize,))
    )
    counts = np.zeros((128, 6))
    np.add.at(counts, (ids[kinds >= 0], kinds[kinds >= 0]), 1)
    guess = counts.argmax(axis=1)[test_ids]  # the most frequent kind of each character
    real = test_kinds >= 0
    baseline = f1_score(test_kinds[real], guess[real], average="macro")
    assert baseline < 0.5
    scores = dict(re.findall(r"(\w+) +F1 ([\d.]+)", text))
    assert tuple(scores) == example["KINDS"]
    assert float(scores["keyword"]) > 0.7
    assert share(text, "mean F1") == pytest.approx(
        np.mean([*map(float, scores.values())]), abs=1e-3
    )
    assert share(text, "mean F1") > baseline + 0.3


def test_the_table_example_is_as_good_as_linear_regression_and_its_intervals_hold(printed):
    text = printed("two_outputs")
    example = runpy.run_path(str(ROOT / "examples" / "two_outputs.py"))
    split_key = jax.random.split(jax.random.key(0), 4)[0]
    (x, y), (test_x, test_y) = example["read"](split_key)
    assert np.isnan(y["glucose"]).sum() == 111
    for name in ("progression", "glucose"):
        known = ~np.isnan(y[name][:, 0])
        linear = LinearRegression().fit(x[known], y[name][known])
        explained = share(text, f"{name} variance explained on unseen patients")
        assert explained > linear.score(test_x, test_y[name]) - 0.05
        # 111 patients: three standard errors of a share of 0.9
        inside = share(text, f"{name} in its 90 % interval")
        assert inside == pytest.approx(0.9, abs=3 * (0.09 / 111) ** 0.5)
        assert 0 < share(text, f"{name} share of the variance that is ignorance") < 0.5
    settings = re.findall(r"^ +([\d.]+) +([\d.]+) +([\d.]+) +[\d.]+$", text, re.MULTILINE)
    losses = [float(loss) for *_, loss in settings]
    assert len(losses) == 4
    assert losses == sorted(losses)


def test_models_of_other_libraries_are_as_good_as_one_by_hand(printed):
    lines = dict(line.split(": ") for line in printed("foreign_models").splitlines())
    assert list(lines) == ["by hand", "flax", "haiku", "equinox"]
    _, y = load_wine(return_X_y=True)
    largest = np.bincount(y).max() / len(y)
    for name, line in lines.items():
        if line == "not installed":
            assert importlib.util.find_spec(name) is None
            continue
        right, loss = re.fullmatch(r"([\d.]+)% right, loss ([\d.]+)", line).groups()
        assert float(right) / 100 > max(0.9, largest)
        assert float(loss) < 0.05


def write_idx(path, values):
    head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}i", *values.shape)
    path.write_bytes(head + values.tobytes())


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.stem)
def test_an_example_is_short_and_says_what_it_does(path):
    lines = path.read_text().splitlines()
    assert lines[0].startswith('"""')
    assert len(lines) < (60 if path.stem in ("digits", "diabetes", "breast_cancer") else 80)


def test_the_example_of_several_processes_trains_one_model_on_the_parts_of_both(printed):
    text = printed("several_processes")
    assert "devices of 2 processes" in text
    assert share(text, "train accuracy") > 0.85
    assert share(text, "test accuracy") > 0.85


def test_the_lecture_graphs_are_drawn_and_the_first_is_printed(printed, tmp_path):
    text = printed("lecture_graphs", str(tmp_path))
    lines = text.splitlines()
    for name in ("one_layer", "prelu_and_penalty", "network"):
        for ending in (".html", ".svg"):
            assert f"wrote {name}{ending}" in lines
            assert (tmp_path / f"{name}{ending}").stat().st_size > 5000
    (row,) = (line.split() for line in lines if line.startswith("w "))
    z = np.array([0.5, -1.0]) @ np.array([2.0, 1.0]) + 0.1
    a = 1 / (1 + np.exp(-z))
    gradient = 2 * (a - 1) * a * (1 - a) * np.array([2.0, 1.0])
    assert row[-2:] == [f"[−{-gradient[0]:.3g}", f"−{-gradient[1]:.3g}]"]
    network = (tmp_path / "network.svg").read_text(encoding="utf-8")
    for layer in ("0 dense", "1 batch_norm", "2 relu", "3 dropout", "4 dense"):
        assert layer in network


def test_the_slope_at_the_first_of_ten_layers_of_sigmoids_is_a_ten_thousandth(printed, tmp_path):
    lines = printed("activations", str(tmp_path)).splitlines()[1:]
    slopes = {name: float(slope) for name, slope in map(str.split, lines)}
    assert list(slopes) == ["sigmoid", "tanh", "relu", "prelu"]
    others = min(slopes["tanh"], slopes["relu"], slopes["prelu"])
    assert 0 < slopes["sigmoid"] < 1e-4 * others
    picture = (tmp_path / "activations.svg").read_text()
    assert all(f">{word}</text>" in picture for word in (*slopes, "slope"))


def test_three_runs_on_the_same_digits_end_as_they_are_called(printed, tmp_path):
    runs = printed("three_endings", str(tmp_path)).strip().split("\n\n")
    assert [run.splitlines()[0] for run in runs] == ["overfitting", "underfitting", "ideal"]
    for run in runs:
        name, diagnosis, _ = run.splitlines()
        assert diagnosis.startswith(f"{name}: ")
        assert ">validation loss</text>" in (tmp_path / f"{name}.svg").read_text()
