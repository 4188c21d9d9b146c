"""Tables, pages and pictures of comparisons."""

import csv
import shutil
import subprocess
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import compare
from benchmarks.comparison import file as results
from benchmarks.instrument import units
from benchmarks.instrument.compile import Memory
from benchmarks.instrument.statistics import Ratio
from benchmarks.instrument.text import aligned
from benchmarks.report.charts import tradeoff, ways
from benchmarks.report.files import write_report
from benchmarks.report.page import html_table
from benchmarks.report.series import families, family_cells
from benchmarks.report.summary import summary_text

pytestmark = pytest.mark.usefixtures("nothing_is_too_slow")


@pytest.fixture(scope="module")
def comparison(nothing_is_too_slow):
    return compare(
        lambda x: jnp.sum(jnp.sin(x)),
        jnp.linspace(0.1, 1.0, 5),
        methods=["numerical", "forward", "reverse", "reverse_chunked"],
        budget=0.3,
        name="suite/<case>",
        purpose="A & B",
    )


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
    odd = replace(comparison.rows[0], method="<script>|", note="at a.py:1 (<lambda>)")
    write_report([replace(comparison, rows=(odd,))] * 2, tmp_path / "found.md")
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
    refused = replace(forward, status="impossible", ratio=None, note="a custom_vjp at net.py:3")
    text = summary_text([replace(comparison, rows=(refused,))])
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
            row = replace(
                row,
                samples=replace(row.samples, wall=level),
                ratio=Ratio(median=middle, low=middle, high=middle, below=0.5),
            )
        rows.append(row)
    return replace(comparison, rows=tuple(rows))


def sized(comparison, size):
    """A member of a family: every time and all memory in proportion to the size."""
    rows = []
    for row in comparison.rows:
        if row.seconds is not None:
            row = replace(
                row,
                seconds=1e-6 * size,
                memory=Memory(temporary=size, argument=0, output=0, alias=0),
            )
        rows.append(row)
    return replace(comparison, name=f"suite/scan_T{size}", rows=tuple(rows))


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
    assert results.load(tmp_path / "found.json").crossover == found.crossover
    found.save(tmp_path / "page.html")
    assert "Crossing:" in (tmp_path / "page.html").read_text()


def test_a_tradeoff_is_drawn_only_where_there_is_one(quiet):
    rows = {row.method: row for row in quiet.rows}

    def charted(forward, reverse):
        chosen = [
            replace(
                rows[method],
                seconds=seconds,
                memory=Memory(temporary=size, argument=0, output=0, alias=0),
            )
            for method, (seconds, size) in {"forward": forward, "reverse": reverse}.items()
        ]
        return tradeoff(replace(quiet, rows=tuple(chosen)))

    assert charted((1.0, 10), (2.0, 5)) is not None
    assert charted((1.0, 5), (2.0, 10)) is None


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium is installed")
def test_the_page_is_drawn_in_a_browser_without_a_complaint(comparison, tmp_path):
    write_report([comparison, replace(comparison, name="second")], tmp_path / "page.html")
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
