"""A notebook shows one line while `compare` runs, by a stand-in of IPython's display."""

import sys
from types import ModuleType, SimpleNamespace

import jax.numpy as jnp
import pytest

from benchmarks import compare, compare_functions

X = jnp.linspace(0.1, 1.0, 4)


def squares(x):
    return jnp.sum(x**2)


class Notebook:
    """What IPython and its display do, written down."""

    def __init__(self, kernel="a kernel", breaks_at=None):
        self.lines, self.displays, self.breaks_at = [], 0, breaks_at
        self.package, self.display_module = ModuleType("IPython"), ModuleType("IPython.display")
        self.package.get_ipython = lambda: SimpleNamespace(kernel=kernel)
        self.package.display = self.display_module
        self.display_module.display = self.display

    def display(self, shown, *, raw, display_id):
        assert raw
        assert display_id is True
        self.displays += 1
        self.update(shown, raw=True)
        return SimpleNamespace(update=self.update)

    def update(self, shown, *, raw):
        assert raw
        if len(self.lines) == self.breaks_at:
            raise ConnectionError("the browser is gone")
        self.lines.append(shown)

    def open(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "IPython", self.package)
        monkeypatch.setitem(sys.modules, "IPython.display", self.display_module)
        return self


def test_one_line_is_updated_with_the_stage_and_the_plan_and_ends_with_the_time(monkeypatch):
    notebook = Notebook().open(monkeypatch)
    compare(squares, X, methods=["reverse"], budget=0.05)
    texts = [line["text/plain"] for line in notebook.lines]
    assert notebook.displays == 1
    assert texts[0] == "squares: tracing, 0%"
    assert any(text.startswith("squares: reverse (2 methods, about ") for text in texts)
    assert any(text.startswith("squares: measuring") for text in texts)
    assert texts[-1].startswith("squares: done in ")
    shares = [float(line["text/html"].split('"')[1]) for line in notebook.lines[:-1]]
    assert shares == sorted(shares)
    assert "<progress" not in notebook.lines[-1]["text/html"]


def test_what_is_html_in_a_name_is_text(monkeypatch):
    notebook = Notebook().open(monkeypatch)
    compare(squares, X, methods=["reverse"], budget=0.05, name="<b>")
    assert all("&lt;b&gt;" in line["text/html"] for line in notebook.lines)


def test_a_comparison_that_raises_ends_its_line(monkeypatch):
    notebook = Notebook().open(monkeypatch)
    with pytest.raises(TypeError):
        compare(lambda x: "no array", X, name="text")
    assert notebook.lines[-1]["text/plain"].startswith("text: ended in ")


def test_several_functions_share_one_line(monkeypatch):
    notebook = Notebook().open(monkeypatch)
    compare_functions({"a": squares, "b": lambda x: x @ x}, X, mode="reverse", budget=0.05)
    texts = [line["text/plain"] for line in notebook.lines]
    assert notebook.displays == 1
    assert any(text.startswith("a, b: b: reverse (") for text in texts)
    assert texts[-1].startswith("a, b: done in ")


@pytest.mark.parametrize("breaks_at", [0, 2])
def test_a_display_that_breaks_takes_its_line_away_and_nothing_else(monkeypatch, breaks_at):
    notebook = Notebook(breaks_at=breaks_at).open(monkeypatch)
    found = compare(squares, X, methods=["reverse"], budget=0.05)
    assert found.row("reverse").status == "ok"
    assert len(notebook.lines) == breaks_at


def test_nothing_is_shown_in_a_terminal_or_to_who_is_told_otherwise(monkeypatch):
    terminal = Notebook(kernel=None).open(monkeypatch)
    compare(squares, X, methods=["reverse"], budget=0.05)
    assert terminal.displays == 0
    notebook, told = Notebook().open(monkeypatch), []
    compare(
        squares,
        X,
        methods=["reverse"],
        budget=0.05,
        on_progress=lambda stage, share: told.append(stage),
    )
    assert notebook.displays == 0
    assert "measuring" in told


def test_ipython_is_not_imported_where_nobody_has(monkeypatch):
    asked = set()

    class Trap:
        """Told of each module that is looked for."""

        def find_spec(self, name, path=None, target=None):
            asked.add(name.partition(".")[0])

    for name in [name for name in sys.modules if name.partition(".")[0] == "IPython"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Trap(), *sys.meta_path])
    compare(squares, X, methods=["reverse"], budget=0.05)
    assert "IPython" not in asked
