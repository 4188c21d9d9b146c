"""What the command line prints of answers: scenarios as they end, all columns, two functions."""

import io
import re
from dataclasses import replace

import pytest
from command_line import SUITE, TWO, gradwise
from rich.console import Console
from rich.text import Text

from benchmarks.cli import commands, progress, suites
from benchmarks.report.example import EXAMPLE

FOUND = "reverse: 3 times faster than forward; 2 x the function"


def test_in_a_pipe_each_scenario_is_a_line_as_soon_as_it_ends(monkeypatch, tmp_path):
    told = []

    def not_measured(fn, *inputs, name, on_progress, **options):
        told.append(name)
        on_progress("measuring", 0.5)
        return replace(EXAMPLE, name=name)

    monkeypatch.setattr(suites, "compare", not_measured)
    done = gradwise(*SUITE, *TWO, "--out", tmp_path)
    assert done.stderr.splitlines() == [f"{name}: {FOUND}" for name in told]
    assert len(told) == 2


def test_on_a_terminal_the_same_lines_stand_above_the_bar(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(
        progress,
        "Console",
        lambda **options: Console(file=screen, force_terminal=True, width=80),
    )
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress.Progress(2) as bar:
        bar.start("lecture/l1")
        bar.stage("measuring", 0.5)
        bar.done("lecture/l1", FOUND)
        bar.start("lecture/l2")
        bar.stage("measuring", 0.1)
    lines = [line for line in re.split("[\r\n]+", Text.from_ansi(screen.getvalue()).plain) if line]
    place = lines.index(f"lecture/l1: {FOUND}")
    assert any("lecture/l2" in line and "left" in line for line in lines[place:])


def test_the_full_table_of_a_comparison_has_every_column_in_80(monkeypatch, tmp_path):
    row = EXAMPLE.row("reverse")
    wide = replace(row, method="a_candidate_of_a_long_name", ratio=replace(row.ratio, low=1.5))
    many = replace(EXAMPLE, rows=(*EXAMPLE.rows, wide))
    monkeypatch.setattr(commands, "compare_function", lambda *inputs, **options: many)
    monkeypatch.delenv("COLUMNS", raising=False)
    (tmp_path / "users.py").write_text("def case(): return abs, 1.0\n")
    short = gradwise("compare", tmp_path / "users.py:case").stdout
    full = gradwise("compare", tmp_path / "users.py:case", "--full").stdout
    assert re.search("no room  for .*compile", short)
    assert "compile, ms" not in short
    assert "compile, ms" in full
    assert "no room" not in full
    assert max(map(len, full.splitlines())) <= 80


FUNCTIONS = """
import jax.numpy as jnp

def power():
    return (lambda x: jnp.sum(x**2)), (jnp.arange(1.0, 5.0),)

def product():
    return (lambda x: x @ x), ()

def other():
    return (lambda x: x @ x + 1), ()
"""


@pytest.mark.parametrize(("second", "status"), [("product", 0), ("other", 3)])
def test_functions_are_compared_at_the_inputs_of_the_first(tmp_path, second, status):
    (tmp_path / "forms.py").write_text(FUNCTIONS)
    targets = [tmp_path / f"forms.py:{name}" for name in ("power", second)]
    saved = tmp_path / "found.json"
    options = ["--mode", "reverse", "--budget", "0.1", "--out", saved]
    done = gradwise("compare-functions", *targets, *options)
    assert done.exit_code == status
    assert ("DIFFERS" in done.stdout) == (status == 3)
    assert "4 inputs -> 1 output, float32" in " ".join(done.stdout.split())
    assert saved.exists()


def test_one_function_alone_is_refused(tmp_path):
    (tmp_path / "forms.py").write_text(FUNCTIONS)
    done = gradwise("compare-functions", tmp_path / "forms.py:power")
    assert done.exit_code == 2
    assert "at least two functions" in done.stderr
