"""Tables, pages, files, and what two runs differ in."""

import csv
import shutil
import subprocess

import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import compare
from benchmarks.comparison import file as results
from benchmarks.comparison.diff import differences
from benchmarks.instrument import units
from benchmarks.instrument.statistics import Ratio
from benchmarks.instrument.timing import Memory, Samples
from benchmarks.report import html_table, summary_text, text_table, write_report
from benchmarks.report.charts import tradeoff, ways
from benchmarks.report.series import families, family_cells
from benchmarks.report.text import aligned

pytestmark = pytest.mark.usefixtures("nothing_is_too_slow")


@pytest.fixture(scope="module")
def comparison(nothing_is_too_slow):
    return compare(
        lambda x: jnp.sum(jnp.sin(x)),
        jnp.linspace(0.1, 1.0, 5),
        methods=["numerical", "forward", "reverse", "reverse_chunked"],
        budget=0.3,
        name="suite/<case>",
        why="A & B",
    )


def test_json_comes_back_as_it_was(comparison, tmp_path):
    path = tmp_path / "deep" / "found.json"
    results.save([comparison], path)
    (back,) = results.load(path)
    assert back.verdict == comparison.verdict
    assert text_table(back) == text_table(comparison)
    for mine, its in zip(back.rows, comparison.rows, strict=True):
        assert mine._replace(samples=None) == its._replace(samples=None)
        if its.samples:
            np.testing.assert_array_equal(mine.samples.wall, its.samples.wall)


def test_a_write_that_fails_leaves_the_old_file(comparison, tmp_path, monkeypatch):
    path = tmp_path / "found.json"
    results.save([comparison], path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        results.save([comparison._replace(floor=float("nan"))], path)
    assert path.read_bytes() == before


def test_every_ending_is_written(comparison, tmp_path):
    for ending in ("json", "csv", "html", "md", "png"):
        comparison.save(tmp_path / f"found.{ending}")
    rows = list(csv.DictReader((tmp_path / "found.csv").read_text().splitlines()))
    assert [row["method"] for row in rows] == [row.method for row in comparison.rows]
    assert float(rows[0]["seconds"]) == comparison.row("value").seconds
    assert (tmp_path / "found.png").read_bytes().startswith(b"\x89PNG")


def test_the_picture_of_many_has_a_point_for_each_way_of_each(comparison, tmp_path):
    write_report([comparison, comparison], tmp_path / "ways.png")
    assert (tmp_path / "ways.png").read_bytes().startswith(b"\x89PNG")
    (axes,) = ways([comparison, comparison]).axes
    drawn = {dots.get_label(): dots.get_offsets().tolist() for dots in axes.collections}
    assert list(drawn) == ["numerical", "forward", "reverse"]
    for method, points in drawn.items():
        cost = comparison.row(method).ratio.median
        assert points == [[cost, 0], [cost, 1]]


def test_an_unknown_ending_is_an_error(comparison, tmp_path):
    with pytest.raises(ValueError, match=r"must end in one of \.json, \.png, \.csv"):
        comparison.save(tmp_path / "found.xlsx")


def test_nothing_to_report_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no comparisons"):
        write_report([], tmp_path / "page.html")


def test_names_are_escaped_in_html(comparison, tmp_path):
    comparison.save(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "suite/&lt;case&gt;" in page
    assert "A &amp; B" in page
    assert "<case>" not in page
    assert "&lt;case&gt;" in html_table(comparison)


def test_names_are_escaped_in_markdown(comparison, tmp_path):
    odd = comparison.rows[0]._replace(method="<script>|", note="at a.py:1 (<lambda>)")
    write_report([comparison._replace(rows=(odd,))] * 2, tmp_path / "found.md")
    text = (tmp_path / "found.md").read_text()
    assert not any(raw in text for raw in ("<case>", "<script>", "<lambda>"))
    assert "<summary>suite/&lt;case&gt;: 5 inputs" in text
    assert "| &lt;script&gt;&#124; [1] |" in text
    assert "1. at a.py:1 (&lt;lambda&gt;)" in text


def test_the_summary_has_a_line_a_comparison(comparison):
    lines = summary_text([comparison, comparison]).splitlines()
    assert len(lines) == 2 + 2 + 1
    assert lines[2] == lines[3]


def test_the_summary_says_why_a_way_has_no_figure(comparison):
    forward = next(row for row in comparison.rows if row.method == "forward")
    refused = forward._replace(status="impossible", ratio=None, note="a custom_vjp at net.py:3")
    text = summary_text([comparison._replace(rows=(refused,))])
    assert text.splitlines()[-1] == "suite/<case>, forward impossible: a custom_vjp at net.py:3"


def test_columns_line_up():
    lines = aligned([["a", "bb"], ["cccc", "d"]])
    assert lines == ["a     bb", "----  --", "cccc   d"]


def test_figures_are_shown_in_the_unit_that_suits_them():
    assert [units.seconds(value) for value in (2.0, 1e-3, 25e-6, 3e-9)] == [
        "2 s",
        "1 ms",
        "25 us",
        "3 ns",
    ]
    assert units.size(0) == "0 B"
    assert units.amount(1234) == "1.23 k"


@pytest.fixture
def quiet(comparison):
    """The comparison as a machine without noise would have found it."""
    rows = []
    for row in comparison.rows:
        if row.samples:
            level = np.full(row.samples.wall.size, row.seconds)
            middle = row.ratio.median
            row = row._replace(
                samples=row.samples._replace(wall=level), ratio=Ratio(middle, middle, middle, 0.5)
            )
        rows.append(row)
    return comparison._replace(rows=tuple(rows))


def times(comparison, method, factor):
    """The comparison with the samples of one method multiplied."""
    rows = []
    for row in comparison.rows:
        if row.method == method:
            samples = row.samples
            slower = Samples(samples.rounds, factor * samples.wall, samples.cpu, samples.calls)
            row = row._replace(samples=slower)
        rows.append(row)
    return comparison._replace(rows=tuple(rows))


def conclusions(old, new):
    return {found.method: found.conclusion for found in differences([old], [new])}


def test_a_run_is_the_same_as_itself(quiet):
    assert set(conclusions(quiet, quiet).values()) == {"same"}


def test_a_function_that_takes_three_times_as_long_is_slower(quiet):
    assert conclusions(quiet, times(quiet, "value", 3.0))["value"] == "slower"
    assert conclusions(times(quiet, "value", 3.0), quiet)["value"] == "faster"


def test_a_machine_that_is_slower_as_a_whole_is_no_regression(quiet):
    new = times(quiet, "value", 3.0)._replace(floor=3 * quiet.floor)
    assert conclusions(quiet, new)["value"] != "slower"


def test_a_method_that_broke_is_a_regression_and_one_that_was_mended_is_not(quiet):
    rows = tuple(
        row._replace(status="wrong", samples=None) if row.method == "forward" else row
        for row in quiet.rows
    )
    broken = quiet._replace(rows=rows)
    (found,) = [d for d in differences([quiet], [broken]) if d.method == "forward"]
    assert found.conclusion == "broken"
    assert found.regression
    assert conclusions(broken, quiet)["forward"] == "mended"


def test_runs_with_nothing_in_common_cannot_be_compared(quiet):
    with pytest.raises(ValueError, match="no scenario in common"):
        differences([quiet], [quiet._replace(name="other")])


def sized(comparison, size):
    """A member of a family: every time and all memory in proportion to the size."""
    rows = []
    for row in comparison.rows:
        if row.seconds is not None:
            row = row._replace(seconds=1e-6 * size, memory=Memory(size, 0, 0, 0))
        rows.append(row)
    return comparison._replace(name=f"suite/scan_T{size}", rows=tuple(rows))


def test_scenarios_that_differ_in_a_number_are_a_family_with_an_exponent(quiet):
    members = [sized(quiet, size) for size in (16, 64, 256)]
    (family,) = families([*members, quiet])
    assert family.stem == "suite/scan_T"
    for curve in (*family.time, *family.memory):
        assert curve.sizes == (16, 64, 256)
        assert curve.exponent.value == pytest.approx(1.0)
    cells = family_cells(family, "memory", units.size)
    assert cells[0] == ["method", "16", "64", "256", "exponent"]
    assert cells[1] == ["value", "16 B", "64 B", "256 B", "1.00"]


def test_two_sizes_are_no_family(quiet):
    assert families([sized(quiet, 16), sized(quiet, 64)]) == []


def test_where_the_modes_cross_is_told_drawn_and_kept(tmp_path):
    found = compare(
        lambda x: jnp.outer(jnp.sin(x), x),
        jnp.linspace(0.1, 1.0, 5),
        methods=["forward", "reverse"],
        crossover=True,
        budget=0.3,
    )
    assert found.crossover.forward.sizes == (1, 4)
    assert found.crossover.reverse.sizes == (1, 4, 16)
    assert "for 25 outputs forward mode is faster up to" in str(found)
    found.save(tmp_path / "found.json")
    assert results.load(tmp_path / "found.json")[0].crossover == found.crossover
    found.save(tmp_path / "page.html")
    assert "Crossing:" in (tmp_path / "page.html").read_text()


def test_a_tradeoff_is_drawn_only_where_there_is_one(quiet):
    rows = {row.method: row for row in quiet.rows}

    def charted(forward, reverse):
        chosen = [
            rows[method]._replace(seconds=seconds, memory=Memory(size, 0, 0, 0))
            for method, (seconds, size) in {"forward": forward, "reverse": reverse}.items()
        ]
        return tradeoff(quiet._replace(rows=tuple(chosen)))

    assert charted((1.0, 10), (2.0, 5)) is not None
    assert charted((1.0, 5), (2.0, 10)) is None


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium is installed")
def test_the_page_is_drawn_in_a_browser_without_a_complaint(comparison, tmp_path):
    write_report([comparison, comparison._replace(name="second")], tmp_path / "page.html")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/user"]
    options += ["--enable-logging=stderr", "--disable-background-networking", "--no-first-run"]
    told = subprocess.run(
        ["chromium", *options, "--dump-dom", f"file://{tmp_path}/page.html"],
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    assert "CONSOLE" not in told.stderr
    assert told.stdout.count("<svg") == 4
    assert told.stdout.count("</table>") == 3
