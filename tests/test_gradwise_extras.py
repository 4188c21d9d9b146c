"""What needs an extra that is not installed says so in one line, with the extra's name."""

import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import optax
import pytest

import gradwise
from benchmarks.comparison.unmeasured import without_any
from benchmarks.report.example import EXAMPLE
from gradwise import train

MISSING = 'SymPy is not installed; use pip install "gradwise[suite]"'
HISTORY = train.History.empty().append({"train_loss": [1.0, 0.5]})


def hide(monkeypatch, package):
    """Let a package be not installed, whatever of it is loaded."""
    family = [name for name in sys.modules if name.split(".")[0] == package]
    for name in {package, *family}:
        monkeypatch.setitem(sys.modules, name, None)


def drawn():
    return gradwise.graph(jnp.sin, 1.0)


def searched():
    row = train.Row.of({"rate": 0.1}, jnp.ones((1, 2)))
    return train.Search(rows=(row,), score="loss")


def checkpoint(path):
    state = train.init({"weight": jnp.ones(2)}, (), optax.sgd(0.1))
    train.save(path, state, key=jax.random.key(0), history=HISTORY)


#: The package that is missing, the extra that has it, and what asks for it.
NEEDS = {
    "page": ("jinja2", "suite", lambda path: EXAMPLE.save(path / "x.html")),
    "chart": ("matplotlib", "suite", lambda path: EXAMPLE.save(path / "x.png")),
    "graph": ("matplotlib", "suite", lambda path: drawn().save(path / "x.png")),
    "curves": ("matplotlib", "train", lambda path: HISTORY.plot(path / "x.svg")),
    "search": ("matplotlib", "train", lambda path: searched().plot(path / "x.svg")),
    "symbolic": ("sympy", "suite", lambda path: gradwise.derivative(jnp.sin, "symbolic")(1.0)),
    "digits": ("sklearn", "suite", lambda path: digits()),
    "checkpoint": ("safetensors", "train", lambda path: checkpoint(path / "x.safetensors")),
    "tensorboard": ("tensorboardX", "tensorboard", lambda path: train.log.tensorboard(path)),
}


def digits():
    return gradwise.SUITES["lecture"]("small")["lecture/mlp_digits"]()


@pytest.mark.parametrize("asked", NEEDS)
def test_what_needs_a_missing_extra_says_which_in_one_line(asked, monkeypatch, tmp_path):
    package, extra, call = NEEDS[asked]
    hide(monkeypatch, package)
    with pytest.raises(ImportError) as raised:
        call(tmp_path)
    text = str(raised.value)
    assert text.startswith(f"this needs {package}")
    assert text.endswith(f': pip install "gradwise[{extra}]"')
    assert "\n" not in text
    assert not list(tmp_path.iterdir())  # nothing half written


def test_without_sympy_the_symbolic_way_is_skipped_and_not_impossible(monkeypatch):
    hide(monkeypatch, "sympy")
    row = gradwise.compare(jnp.sin, 1.0, methods=["symbolic"], budget=0.05).row("symbolic")
    assert (row.status, row.note) == ("skipped", MISSING)


def test_that_sympy_is_missing_hides_no_wrong_derivative(monkeypatch):
    hide(monkeypatch, "sympy")
    wrong = replace(EXAMPLE.row("reverse"), status="wrong", note="wrong: by a half")
    missing = replace(wrong, method="symbolic", mode="symbolic", status="skipped", note=MISSING)
    assert without_any([wrong, missing]) == "no exact derivative is right here: wrong: by a half"


def test_what_sympy_has_no_formula_of_is_impossible():
    found = gradwise.compare(jnp.sort, jnp.ones(3), methods=["symbolic"], budget=0.05)
    assert found.row("symbolic").status == "impossible"


def test_ipython_on_a_terminal_shows_the_table():
    class Printer:
        def text(self, text):
            self.shown = text

    printer = Printer()
    EXAMPLE._repr_pretty_(printer, cycle=False)
    assert printer.shown == str(EXAMPLE)
