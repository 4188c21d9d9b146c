"""What is printed of comparisons fits a terminal, whatever the names and the figures are."""

import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from command_line import gradwise
from rich.console import Console
from rich.text import Text

from benchmarks.cli import commands, progress, suites
from benchmarks.comparison.row import Flops
from benchmarks.instrument.compile import Memory
from benchmarks.instrument.text import fitted
from benchmarks.report.drawing.chart import Plane, Point, Series
from benchmarks.report.drawing.plane import drawn_plane
from benchmarks.report.drawing.words import LETTER
from benchmarks.report.example import EXAMPLE
from benchmarks.report.notebook import html_answer
from benchmarks.report.page import page
from benchmarks.report.summary import summary_text
from benchmarks.report.text import text_table

LONG = "my_package.subpackage.module:a_function_with_a_name_that_tells_all_that_it_computes"
HUGE = EXAMPLE.row("forward").ratio
HUGE = replace(HUGE, median=12_345_678.0, low=123_456.0, high=987_654_321.0)


def wide(row, method):
    """A row of huge numbers."""
    return replace(
        row,
        method=method,
        note="a note of many words, " * 9,
        ratio=HUGE,
        bound=1.5e9,
        seconds=123.4,
        error=1.5e-300,
        flops=Flops(low=1.23e15, mean=2e15, high=4.56e17),
        memory=Memory(temporary=123_456_000_000, argument=0, output=0, alias=0),
        compile_seconds=0.000123,
    )


CANDIDATE = "a_candidate_of_mine_that_has_a_name_longer_than_any_terminal_is_wide_and_more"
METHODS = ("value", CANDIDATE, "forward", "reverse")
WIDE = replace(
    EXAMPLE,
    name=LONG,
    n=10_000_000,
    m=10_000_000,
    rows=tuple(wide(row, method) for row, method in zip(EXAMPLE.rows, METHODS, strict=True)),
    verdict=replace(EXAMPLE.verdict, why="Forward needs 10,000,000 tangents. " * 9),
    residuals=("1.23 GB in all", f"400 MB at {LONG}.py:123 ({LONG})"),
)
BUSY = "reverse: 3 times faster than forward by CPU time: the machine was busy"
DOUBTFUL = replace(
    EXAMPLE,
    verdict=replace(
        EXAMPLE.verdict,
        time=replace(EXAMPLE.verdict.time, doubt="busy, by CPU time", text=BUSY),
    ),
)


def longest(text):
    return max(map(len, text.splitlines()))


@pytest.mark.parametrize("comparison", [EXAMPLE, WIDE, DOUBTFUL], ids=["plain", "wide", "busy"])
@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_line_of_a_comparison_is_wider_than_the_terminal(comparison, width):
    assert longest(text_table(comparison, width)) <= width
    assert longest(summary_text([comparison], width)) <= width
    assert longest(summary_text([EXAMPLE, comparison, replace(EXAMPLE, rows=())], width)) <= width


@pytest.mark.parametrize("comparison", [EXAMPLE, WIDE, DOUBTFUL], ids=["plain", "wide", "busy"])
def test_what_is_printed_is_80_columns_wide_at_most(comparison):
    assert longest(str(comparison)) <= 80
    assert longest(summary_text([comparison, EXAMPLE])) <= 80


def test_what_is_printed_is_as_wide_as_a_terminal_that_is_wider(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert 100 < longest(str(WIDE)) <= 120
    monkeypatch.setenv("COLUMNS", "10")
    assert str(EXAMPLE)


def test_nothing_is_cut_of_a_name_that_is_longer_than_a_line():
    for text in (str(WIDE), summary_text([WIDE])):
        assert LONG in text.replace("\n", "").replace(" ", "")
    assert CANDIDATE in str(WIDE).replace("\n", "")
    figures = [line for line in text_table(WIDE, 100).splitlines() if "1.23e+07 x" in line]
    assert len(figures) == 4
    assert all("123,000-9.88e+08" in line and "123 " in line for line in figures)


def test_a_wide_terminal_shows_every_column_and_a_narrow_one_says_what_it_leaves_out():
    titles = "method; time, s; cost; 99 %; memory, GB; error; bound; FLOPs, P; compile, us"
    wide, narrow = text_table(WIDE, 200), text_table(WIDE, 66)
    assert titles.replace(";", "").split() in [line.split() for line in wide.splitlines()]
    assert "no room" not in wide
    assert "no room for error, bound, FLOPs, compile: a wider terminal shows them" in " ".join(
        narrow.split()
    )
    header = next(line for line in narrow.splitlines() if line.startswith("  method"))
    assert header.split()[1:] == ["time,", "s", "cost", "99", "%", "memory,", "GB"]
    rows = [*EXAMPLE.rows, replace(EXAMPLE.row("reverse"), method="symbolic")]
    assert " reverse" in summary_text([replace(EXAMPLE, rows=rows)], 30).splitlines()[0]
    wide, narrow = (summary_text([EXAMPLE], width) for width in (200, 80))
    assert "numerical's error" in wide.splitlines()[0]
    assert "numerical's error" not in narrow
    assert "Numerical differentiation is off by 1.0e-03 of the largest entry." in narrow
    assert "Numerical differentiation" not in wide


@pytest.mark.parametrize(("columns", "limit"), [(None, 80), ("80", 80), ("200", 200)])
def test_the_command_line_is_as_wide_as_the_terminal_and_80_in_a_file(
    monkeypatch, tmp_path, columns, limit
):
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(commands, "compare_function", lambda *inputs, **options: WIDE)
    monkeypatch.setattr(suites, "compare", lambda *inputs, **options: WIDE)
    (tmp_path / "users.py").write_text("def case(): return abs, 1.0\n")
    compared = gradwise("compare", tmp_path / "users.py:case").stdout
    run = gradwise("run", "lecture", "--only", "*/l2", "--out", tmp_path, "--full").stdout
    run = "\n".join(line for line in run.splitlines() if str(tmp_path) not in line)
    for text in (compared, run):
        assert limit - 20 < longest(text) <= limit
    header = next(line for line in compared.splitlines() if line.startswith("  method"))
    assert ("FLOPs" in header) == (limit > 80)


def test_the_progress_fits_80_columns_and_its_times_are_whole(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(
        progress,
        "Console",
        lambda **options: Console(file=screen, force_terminal=True, width=80),
    )
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress.Progress(2) as bar:
        bar.start(LONG)
        bar.stage("hvp_forward_over_reverse", 0.5)
        bar.stage("plan: " + "12 methods " * 9, 0.0)
        bar.tell("found " * 30)
    shown = [line for line in re.split("[\r\n]+", Text.from_ansi(screen.getvalue()).plain) if line]
    last = next(line for line in reversed(shown) if " left " in line)
    assert len(last.rstrip()) <= 80
    lines = [line for line in shown if "methods" in line or "found" in line]
    assert len(lines) > 4
    assert max(map(len, lines)) <= 80
    found = [line for line in lines if "found" in line]
    assert [line.startswith("  ") for line in found] == [False] + [True] * (len(found) - 1)
    assert re.search(r"my_package\S*… .* hvp_forward\S*… 0:00:0\d left +\S+$", last.rstrip())


def test_columns_without_a_cell_are_left_out():
    rows = [["method", "time", "bound"], ["value", "1 s", ""]]
    assert fitted(rows, 80).lines == ["method  time", "------  ----", "value    1 s"]
    assert fitted([["method", "time"]], 80).lines == ["method", "------"]


def test_that_the_machine_was_busy_stands_beside_every_verdict():
    assert f"ANSWER   {BUSY}" in str(DOUBTFUL).replace("\n           ", " ")
    assert f"<dt>Answer</dt><dd>{BUSY}</dd>" in html_answer(DOUBTFUL)
    summary = summary_text([DOUBTFUL, EXAMPLE])
    header, _, busy, quiet, *legend = summary.splitlines()
    assert header.split()[1:4] == ["fastest", "by", "doubt"]
    assert busy.split()[1:5] == ["reverse", "3", "x", "busy"]
    assert "busy" not in quiet
    assert "busy: calls waited, so the fastest is told by CPU time" in "\n".join(legend)
    shown = page([DOUBTFUL, EXAMPLE])
    assert "busy: calls waited, so the fastest is told by CPU time" in shown
    assert f"<b>Answer</b><span>{BUSY}</span>" in shown
    assert "<td>reverse</td><td>3 x</td><td>busy</td>" in shown


def test_where_the_fastest_cannot_be_told_the_summary_says_so_and_why():
    unknown = replace(EXAMPLE.verdict.time, method=None, factor=None, doubt="few samples")
    doubtful = replace(EXAMPLE, verdict=replace(EXAMPLE.verdict, time=unknown))
    _, _, line, *legend = summary_text([doubtful]).splitlines()
    assert line.split()[1:4] == ["?", "few", "samples"]
    assert "few samples: give it more seconds of measuring (--budget)" in legend


def test_a_time_that_was_never_sampled_has_a_tilde_and_no_interval():
    called = replace(EXAMPLE.rows[1], samples=None, ratio=None, seconds=0.383)
    text = text_table(replace(EXAMPLE, rows=(EXAMPLE.rows[0], called)))
    line = next(line for line in text.splitlines() if line.startswith(f"  {called.method}"))
    assert "~383,000" in line  # microseconds
    assert " x" not in line


@pytest.mark.parametrize("width", [390, 760])
def test_the_words_of_a_plane_are_within_it_and_on_no_other_point(width):
    points = [
        Point(across=x, up=8e6, tip="", name=f"way_{i}") for i, x in enumerate((1.0, 1.05, 9))
    ]
    series = tuple(Series(name="", mode="forward", points=(point,)) for point in points)
    caption = "time of a call; the line is the front that nothing beats"
    chart = Plane(title="", across=caption, up="memory", show=(str, str), series=series)
    body, height = drawn_plane(chart, width)
    words = [ET.fromstring(part) for part in body if part.startswith("<text")]
    below = [word for word in words if word.text in (caption, *caption.split("; "))]
    assert "; ".join(word.text for word in below) == caption
    for word in below:
        assert float(word.get("x")) + LETTER * len(word.text) / 2 <= width
        assert float(word.get("y")) < height
    first = next(word for word in words if word.text == "way_0")
    assert float(first.get("y")) > float(words[-1].get("y")) + 6  # below the second point
