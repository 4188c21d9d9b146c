"""Every example is run as a user runs it, and what it prints is read."""

import re
import runpy
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

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
    lines = printed("four_gradients").splitlines()[2:]
    table = {line[:16].strip(): line[16:].split() for line in lines}
    assert list(table) == ["reverse", "forward", "numerical", "forward gradient"]
    losses = {name: float(loss) for name, (_, loss, _) in table.items()}
    assert losses["forward"] == pytest.approx(losses["reverse"], abs=1e-3)
    assert losses["numerical"] == pytest.approx(losses["reverse"], abs=2e-2)
    assert losses["reverse"] < losses["forward gradient"] < 2.3  # which learns, but slowly


def test_the_mnist_example_reads_its_files_from_a_folder(printed, tmp_path):
    images, labels = load_digits(return_X_y=True)
    parts = {"train": slice(0, 1400), "t10k": slice(1400, None)}
    for part, rows in parts.items():
        pixels = (images[rows] * 15).astype(np.uint8).reshape(-1, 8, 8)
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", pixels)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", labels[rows].astype(np.uint8))
    text = printed("fashion_mnist", "--data", str(tmp_path), "--epochs", "8")
    assert share(text, "test accuracy") > 0.85


def write_idx(path, values):
    head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}i", *values.shape)
    path.write_bytes(head + values.tobytes())


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.stem)
def test_an_example_is_short_and_says_what_it_does(path):
    lines = path.read_text().splitlines()
    assert lines[0].startswith('"""')
    assert len(lines) < (60 if path.stem in ("digits", "diabetes", "breast_cancer") else 80)
