"""Type checkers find a user's mistakes, and none where there are none."""

import json
import re
import subprocess
import sys

import pytest

USER = """
import jax.numpy as jnp

import gradwise
from gradwise import compare, losses, nn, train
from gradwise.train.metrics import Mean

comparison = compare(jnp.sin, jnp.ones(3), budget="2")
print(comparison.verdict.fastest)
model = nn.mlp((64, 32, 10), dropuot=0.1)
method = gradwise.compare(jnp.sin, jnp.ones(3), budget=2.0).verdict.time.method
mean = losses.mean(jnp.ones(3)).shape
curves = train.History.empty()
loss = Mean(jnp.ones(()), jnp.ones(())).value
"""
#: The lines of the mistakes: an option of the wrong type, a field that is not there, a misspelling.
MISTAKES = [8, 9, 10]
#: JAX itself is not what is checked, and takes most of the time.
SETTINGS = "[mypy]\n[mypy-jax.*,numpy.*,optax.*]\nfollow_imports = skip\n"


@pytest.fixture
def folder(tmp_path):
    """A user's folder with modules of our packages' names, in which no type of ours is."""
    (tmp_path / "user.py").write_text(USER)
    for name in ("nn", "losses", "train", "benchmarks"):
        (tmp_path / f"{name}.py").write_text("MINE = True\n")
    (tmp_path / "mypy.ini").write_text(SETTINGS)
    return tmp_path


def check(folder, *command):
    return subprocess.run(
        [sys.executable, "-m", *command, "user.py"], cwd=folder, capture_output=True, text=True
    ).stdout


def test_mypy_finds_exactly_the_planted_mistakes(folder):
    told = check(folder, "mypy", "--cache-dir", str(folder / "cache"))
    assert [int(line) for line in re.findall(r"^user.py:(\d+): error", told, re.MULTILINE)] == (
        MISTAKES
    ), told


def test_pyright_finds_exactly_the_planted_mistakes(folder):
    told = check(folder, "pyright", "--pythonpath", sys.executable, "--outputjson")
    found = json.loads(told)["generalDiagnostics"]
    assert [each["range"]["start"]["line"] + 1 for each in found] == MISTAKES, found
