"""Tables, pages and pictures of comparisons. The comparison is made by hand: nothing is timed."""

import csv
import json
import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from benchmarks.comparison import file
from benchmarks.instrument import units
from benchmarks.instrument.compile import Memory
from benchmarks.instrument.text import aligned
from benchmarks.report.charts import costs, tradeoff
from benchmarks.report.charts_of_many import accuracy, ways
from benchmarks.report.example import EXAMPLE
from benchmarks.report.files import write_report
from benchmarks.report.measures import MEMORY
from benchmarks.report.notebook import html_answer
from benchmarks.report.page import page
from benchmarks.report.series import curve_cells, families
from benchmarks.report.summary import summary_text
from benchmarks.report.text import text_table

PNG = b"\x89PNG"


def test_a_comparison_is_written_in_the_format_of_each_ending(tmp_path):
    for ending in ("json", "csv", "html", "md", "png"):
        EXAMPLE.save(tmp_path / f"found.{ending}")
    rows = list(csv.DictReader((tmp_path / "found.csv").read_text().splitlines()))
    assert [row["method"] for row in rows] == ["value", "numerical", "forward", "reverse"]
    assert [float(row["seconds"]) for row in rows] == pytest.approx([1e-5, 11e-5, 6e-5, 2e-5])
    assert [row["bytes"] for row in rows] == ["40", "240", "140", "340"]
    assert [row["mode"] for row in rows] == ["none", "numerical", "forward", "reverse"]
    assert {row["kind"] for row in rows[1:]} == {"jacobian"}
    assert [row["ratio"] for row in rows] == ["1.0", "11.0", "6.0", "2.0"]
    assert (tmp_path / "found.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "found.md").read_text().startswith("## What derivatives cost")
    assert (tmp_path / "found.png").read_bytes().startswith(PNG)
    assert file.load(tmp_path / "found.json") == EXAMPLE


def test_the_ends_of_an_interval_have_each_its_column(tmp_path):
    row = EXAMPLE.row("reverse")
    wide = replace(row, ratio=replace(row.ratio, low=1.5, high=2.5))
    replace(EXAMPLE, rows=(wide,)).save(tmp_path / "found.csv")
    (written,) = csv.DictReader((tmp_path / "found.csv").read_text().splitlines())
    ends = ("ratio_low", "ratio", "ratio_high")
    assert [written[name] for name in ends] == ["1.5", "2.0", "2.5"]


def test_the_picture_of_many_comparisons_has_a_point_for_each_way_of_each(tmp_path):
    write_report([EXAMPLE, EXAMPLE], tmp_path / "ways.png")
    assert (tmp_path / "ways.png").read_bytes().startswith(PNG)
    chart = ways([EXAMPLE, EXAMPLE])
    points = [[(mark.mode, mark.value) for mark in line.marks] for line in chart.lines]
    assert points == [[("numerical", 11), ("forward", 6), ("reverse", 2)]] * 2


def test_a_chart_needs_rows_with_times_to_be_drawn(tmp_path):
    refused = [replace(row, ratio=None, seconds=None, status="failed") for row in EXAMPLE.rows]
    nothing = replace(EXAMPLE, rows=tuple(refused))
    assert costs(nothing) is None
    assert ways([nothing, nothing]) is None
    assert accuracy([nothing]) is None
    with pytest.raises(ValueError, match="suite/sine has no two rows with times to draw"):
        nothing.save(tmp_path / "nothing.png")


def test_an_unknown_ending_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.json or \.png or \.html or \.csv"):
        EXAMPLE.save(tmp_path / "found.xlsx")


def test_a_report_on_no_comparison_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no comparisons"):
        write_report([], tmp_path / "page.html")


def test_names_are_escaped_in_markdown(tmp_path):
    row = replace(EXAMPLE.rows[0], method="<script>|", note="at a.py:1 (<lambda>)")
    odd = replace(EXAMPLE, name="suite/<odd>", rows=(row,))
    write_report([odd, odd], tmp_path / "found.md")
    text = (tmp_path / "found.md").read_text()
    assert not any(raw in text for raw in ("<odd>", "<script>", "<lambda>"))
    assert "### suite/&lt;odd&gt;: 5 inputs" in text
    assert "| &lt;script&gt;&#124; |" in text
    assert "* **&lt;script&gt;&#124;** at a.py:1 (&lt;lambda&gt;)" in text


def test_the_summary_has_a_line_for_each_comparison():
    lines = summary_text([EXAMPLE, EXAMPLE]).splitlines()
    assert len(lines) == 2 + 2 + 3
    assert lines[2] == lines[3]
    assert lines[0].split()[:3] == ["suite/", "fastest", "by"]
    assert lines[2].split()[:4] == ["sine", "reverse", "3", "x"]


def test_the_summary_says_why_a_way_has_no_figure():
    refused = replace(
        EXAMPLE.row("forward"), status="impossible", ratio=None, note="a custom_vjp at net.py:3"
    )
    text = summary_text([replace(EXAMPLE, rows=(refused,))])
    assert text.splitlines()[-1] == "suite/sine, forward impossible: a custom_vjp at net.py:3"


def test_columns_are_aligned_to_the_right_and_the_first_one_to_the_left():
    lines = aligned([["a", "bb"], ["cccc", "d"]])
    assert lines == ["a     bb", "----  --", "cccc   d"]


def test_a_figure_is_shown_in_the_unit_that_suits_it():
    assert [units.seconds(value) for value in (2.0, 1e-3, 25e-6, 3e-9)] == [
        "2 s",
        "1 ms",
        "25 us",
        "3 ns",
    ]
    assert units.size(0) == "0 B"
    assert units.amount(1234) == "1.23 k"


def of_size(size, **fields):
    """A member of a family: every time and all memory in proportion to the size."""
    memory = Memory(temporary=size, argument=0, output=0, alias=0)
    rows = [replace(row, seconds=1e-6 * size, memory=memory) for row in EXAMPLE.rows]
    return replace(EXAMPLE, name=f"suite/<scan>_T{size}", rows=tuple(rows), **fields)


def test_scenarios_that_differ_in_a_number_are_a_family_with_an_exponent():
    members = [of_size(size) for size in (16, 64, 256)]
    (family,) = families([*members, EXAMPLE])
    assert family.stem == "suite/<scan>_T"
    for curve in (*family.time, *family.memory):
        assert curve.sizes == (16, 64, 256)
        assert curve.exponent.value == pytest.approx(1.0)
    cells = curve_cells(family.memory, units.size)
    assert cells[0] == ["method", "16", "64", "256", "exponent"]
    assert cells[1] == ["value", "16 B", "64 B", "256 B", "1.00"]


def test_two_sizes_are_no_family():
    assert families([of_size(16), of_size(64)]) == []


@pytest.fixture(scope="module")
def report():
    """The page of a family, of which one has batches of directions and one has a note."""
    refused = replace(
        EXAMPLE.rows[2], seconds=None, ratio=None, status="failed", note="at <lambda>"
    )
    return page(
        [
            of_size(16),
            of_size(64, crossover=None),
            of_size(256, crossover=None, purpose="A & B"),
            replace(EXAMPLE, rows=(refused,), crossover=None),
        ]
    )


def test_names_and_notes_are_escaped_in_html(report):
    for raw, escaped in [
        ("suite/<scan>_T16", "suite/&lt;scan&gt;_T16"),
        ("A & B", "A &amp; B"),
        ("at <lambda>", "at &lt;lambda&gt;"),
    ]:
        assert raw not in report
        assert escaped in report
    assert "suite/&lt;scan&gt;_T16" in html_answer(of_size(16))


def test_the_page_shows_a_family_with_its_time_and_its_memory(report):
    assert "<h2>suite/&lt;scan&gt;_T…</h2>" in report
    assert "Time over the size" in report
    assert "Memory over the size" in report
    assert "value (1.00)" in report


def test_the_inputs_at_which_the_modes_cross_are_printed_and_drawn(report):
    words = "for 1 output forward mode is faster up to 3 inputs (2 to any number of, 99 % interval)"
    assert f"crossing {words}" in " ".join(text_table(EXAMPLE).split())
    costs = "a batch of k directions costs forward 10 us + 10 us k and reverse 20 us + 20 us k"
    assert report.count(f"Crossing: {words}; {costs}") == 1
    assert "<td>forward</td><td>20 us</td><td>50 us</td>" in report


def test_the_page_has_all_charts_and_tables(report):
    # The ways and their errors by three measures, two of the family, the methods of three by three
    # measures, one crossing; each for a page's width and for a phone's.
    assert report.count("<svg") == 2 * (3 + 3 + 2 + 3 * 3 + 1)
    # The summary, two of the family, the rows of four, one of batches.
    assert report.count("</table>") == 1 + 2 + 4 + 1


def test_errors_are_drawn_against_what_the_page_is_switched_to():
    chart = accuracy([EXAMPLE], MEMORY)
    assert chart.across.startswith("memory")
    rows = {row.mode: row for row in EXAMPLE.rows if row.error}
    for series in chart.series:
        (point,) = series.points
        assert (point.across, point.up) == (rows[series.mode].bytes, rows[series.mode].error)


def test_ways_that_were_skipped_for_one_reason_share_its_line():
    rows = [
        replace(EXAMPLE.row(name), status="skipped", note="no time", ratio=None, memory=None)
        for name in ("numerical", "forward")
    ]
    (line,) = ways([replace(EXAMPLE, rows=(*rows, EXAMPLE.row("reverse")))]).lines
    assert line.reasons == ("numerical, forward skipped: no time",)


def test_a_table_of_the_page_has_no_empty_column():
    (table,) = [t for t in page([EXAMPLE, EXAMPLE]).split("<table")[1:] if ">inputs<" in t]
    assert ">symbolic<" not in table
    assert ">reverse<" in table


def test_time_against_memory_is_drawn_only_where_no_method_is_best_in_both():
    def chart(forward, reverse):
        chosen = [
            replace(
                EXAMPLE.row(method),
                seconds=seconds,
                memory=Memory(temporary=size, argument=0, output=0, alias=0),
            )
            for method, (seconds, size) in {"forward": forward, "reverse": reverse}.items()
        ]
        return tradeoff(replace(EXAMPLE, rows=tuple(chosen)))

    assert chart((1.0, 10), (2.0, 5)) is not None
    assert chart((1.0, 5), (2.0, 10)) is None


#: Sorts by cost and back, points at a mark, and tells what is on a screen as wide as a phone.
TRIAL = """<iframe id="phone" style="width:390px;height:800px"></iframe><script>
const own = document.querySelector("#suite-sine .sorts, .scenario .sorts");
const titles = [...own.querySelectorAll("th")];
const button = titles.find((title) => title.textContent === "cost").firstChild;
const names = () => [...own.tBodies[0].rows].map((row) => row.cells[0].textContent).join(" ");
const seen = [names()];
for (const _ of [1, 2]) { button.click(); seen.push(names()); }
document.querySelector(".scenario .mark").dispatchEvent(new Event("click", { bubbles: true }));
seen.push(document.querySelector(".tip").textContent);
const phone = document.getElementById("phone");
phone.onload = () => {
  const inside = phone.contentDocument;
  const shown = [...inside.querySelectorAll(".chart svg")].filter((svg) => svg.clientWidth);
  const { scrollWidth, clientWidth } = inside.documentElement;
  seen.push(scrollWidth <= clientWidth);
  seen.push([...new Set(shown.map((svg) => svg.getAttribute("class")))].join(" "));
  seen.push(Math.min(...shown.map((svg) => svg.clientWidth / svg.viewBox.baseVal.width)) > 0.95);
  inside.getElementById("show-memory").click();
  const drawn = [...inside.querySelectorAll(".scenario .of")].filter((one) => one.offsetHeight);
  seen.push([...new Set(drawn.map((one) => one.dataset.measure))].join(" "));
  document.title = seen.join("; ");
};
phone.srcdoc = PAGE;
</script>"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium is installed")
def test_a_browser_shows_the_page_without_a_complaint_and_its_tables_sort(report, tmp_path):
    written = json.dumps(report).replace("</", "<\\/")
    (tmp_path / "page.html").write_text(report + TRIAL.replace("PAGE", written))
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/user"]
    options += ["--enable-logging=stderr", "--disable-background-networking", "--no-first-run"]
    options += ["--disable-quic", "--virtual-time-budget=5000"]
    browser = subprocess.run(
        ["chromium", *options, "--dump-dom", f"file://{tmp_path}/page.html"],
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    assert "CONSOLE" not in browser.stderr
    (title,) = re.findall("<title>(.*?)</title>", browser.stdout.partition("</head>")[0])
    assert title.split("; ") == [
        "value numerical forward reverse",  # which all take the same seconds
        "value reverse forward numerical",
        "numerical forward reverse value",
        "value: 1 x, 16 us",
        *("true", "narrow", "true", "memory"),
    ]
