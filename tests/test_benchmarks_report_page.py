"""The page of results as a browser has it: parsed, and what leads where in it."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import datetime
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from command_line import gradwise

from benchmarks.comparison import file, folder
from benchmarks.comparison.diff import diff
from benchmarks.report.charts import by_measure, costs
from benchmarks.report.drawing.png import figure_of
from benchmarks.report.drawing.scale import scale_of
from benchmarks.report.drawing.style import INKS, PAGES, STYLES
from benchmarks.report.drawing.svg import as_svg
from benchmarks.report.example import EXAMPLE, exactly
from benchmarks.report.notebook import html_answer
from benchmarks.report.page import page

SVG = "{http://www.w3.org/2000/svg}"
VOID = {"meta", "input", "br", "link"}
WHY = "a call would take 12 s, & 3 s are left of the time limit; give it more with --time-limit 60"


def missing(method, status, note, **fields):
    """A row without a figure."""
    nothing = dict.fromkeys(["seconds", "ratio", "samples", "memory", "compile_seconds", "error"])
    row = replace(EXAMPLE.row("forward"), **nothing)
    return replace(row, method=method, status=status, note=note, **fields)


GAPS = (
    missing("forward", "skipped", WHY),
    missing("symbolic", "impossible", "no symbolic form of <while>", mode="symbolic"),
)
WITH_GAPS = replace(EXAMPLE, name="lecture/mlp", rows=(*EXAMPLE.rows[:2], EXAMPLE.rows[3], *GAPS))
MEMBERS = [replace(EXAMPLE, name=f"memory/scan_T{size}", crossover=None) for size in (4, 9, 16)]
EVERY = [WITH_GAPS, EXAMPLE, replace(EXAMPLE, name="suite sine"), *MEMBERS]


class Tree(HTMLParser):
    """HTML as elements; an element that is not closed, or closed twice, is an error."""

    def __init__(self, text):
        super().__init__()
        self.builder = ET.TreeBuilder()
        self.open = []
        self.feed(text)
        assert self.open == []
        self.root = self.builder.close()

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names))
        self.builder.start(tag, {name: value or "" for name, value in attrs})
        self.open.append(tag)
        if tag in VOID:
            self.handle_endtag(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.builder.end(tag)

    def handle_data(self, data):
        if self.open:
            self.builder.data(data)


@cache
def root():
    older = [slower(one, 0.5) for one in EVERY]
    return Tree(page(EVERY, since=diff(older, EVERY, names=("before.json", "now.json")))).root


def slower(comparison, times):
    """The comparison with derivatives that take so many times the time."""

    def changed(row):
        if row.method == "value" or not row.ratio:
            return row
        samples = replace(row.samples, wall=row.samples.wall * times)
        return replace(row, ratio=exactly(row.ratio.median * times), samples=samples)

    return replace(comparison, rows=tuple(map(changed, comparison.rows)))


def text_of(element):
    return " ".join("".join(element.itertext()).split())


def of_class(within, name):
    return [each for each in within.iter() if name in each.get("class", "").split()]


def charts_of(section, measure="time", layout="wide"):
    figure, *_ = of_class(section, f"of-{measure}")  # below it, the errors follow the switch too
    return of_class(figure, layout)


def section_of(address):
    (found,) = [each for each in root().iter("section") if each.get("id") == address]
    return found


def test_every_scenario_is_a_section_with_an_address_and_an_entry_of_the_contents():
    ids = [each.get("id") for each in root().iter() if each.get("id")]
    assert len(ids) == len(set(ids))
    links = [each.get("href") for each in root().iter("a")]
    assert all(link.startswith("#") and link[1:] in ids for link in links)
    (nav,) = root().iter("nav")
    entries = {each.get("href"): text_of(each) for each in nav.iter("a")}
    sections = of_class(root(), "scenario")
    assert [text_of(each.find("h2")).split(":")[0] for each in sections] == [
        one.name for one in EVERY
    ]
    for one, section in zip(EVERY, sections, strict=True):
        assert f"#{section.get('id')}" in entries
        assert one.name.endswith(entries[f"#{section.get('id')}"])
    assert {each.get("id") for each in sections} >= {"suite-sine", "suite-sine-2"}
    fixed = ["#answers", "#changed", "#words", "#environment"]
    assert [link for link in entries if link in fixed] == fixed


def test_the_answers_come_before_the_scenarios_and_each_leads_to_its_own():
    main = next(root().iter("main"))
    order = [each.get("id") for each in main.iter("section")]
    assert order[:2] == ["answers", "changed"]
    names = {text_of(a): a.get("href") for a in section_of("answers").iter("a")}
    for one, section in zip(EVERY, of_class(root(), "scenario"), strict=True):
        assert names[one.name] == f"#{section.get('id')}"


@pytest.mark.parametrize("layout", ["wide", "narrow"])
def test_each_row_of_a_chart_is_one_mark_or_one_cross_with_its_reason(layout):
    for one, section in zip(EVERY, of_class(root(), "scenario"), strict=True):
        for measure in ("time", "memory", "compile"):
            (chart,) = charts_of(section, measure, layout)
            marks = [text_of(each.find("title")) for each in of_class(chart, "mark")]
            crosses = [text_of(each.find("title")) for each in of_class(chart, "missing")]
            ok = [row for row in one.rows if row.status == "ok"]
            assert sorted(tip.split(":")[0] for tip in marks) == sorted(row.method for row in ok)
            gone = [f"{row.status}: {row.note}" for row in one.rows if row.status != "ok"]
            assert crosses == gone


def test_what_was_skipped_says_why_in_full_beside_the_chart_and_among_the_answers():
    listed = [text_of(each) for each in of_class(section_of("lecture-mlp"), "gaps")]
    assert listed == [
        f"forwardskipped: {WHY}symbolicimpossible: no symbolic form of <while>",
    ]
    (ways,) = charts_of(section_of("answers"))
    assert [text_of(each.find("title")) for each in of_class(ways, "missing")] == [
        "symbolic impossible: no symbolic form of <while>",
        f"forward skipped: {WHY}",
    ]


def test_the_page_switches_between_time_memory_and_compile_and_shows_all_without():
    buttons = [each for each in root().iter("input") if each.get("type") == "radio"]
    assert [each.get("id") for each in buttons] == ["show-time", "show-memory", "show-compile"]
    assert ["checked" in each.attrib for each in buttons] == [True, False, False]
    (style,) = root().iter("style")
    for name in ("time", "memory", "compile"):
        hidden = f"body:has(#show-{name}:checked) .of:not(.of-{name}) {{ display: none; }}"
        assert hidden in str(style.text)
    figures = {name: [line.figure for line in chart.lines] for name, chart in by_measure(EXAMPLE)}
    assert figures == {
        "time": ["1 x", "2 x", "6 x", "11 x"],
        "memory": ["40 B", "140 B", "240 B", "340 B"],
        "compile": ["50 ms", "100 ms", "300 ms", "550 ms"],
    }


def test_nothing_is_loaded_from_anywhere():
    for each in root().iter():
        for name in ("src", "href", "data", "action", "srcset", "poster"):
            assert each.get(name, "#").startswith("#")
        assert "url(" not in each.get("style", "")
    for each in (*root().iter("style"), *root().iter("script")):
        assert not re.search(r"https?:|url\(|@import|fetch\(|import\(|XMLHttp", each.text)


def luminance(colour):
    """Of a colour as #rrggbb, by WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_each_mode_has_a_shape_of_its_own_and_a_colour_of_contrast_3_in_the_light_and_the_dark():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    shapes = [(style.shape, style.hollow) for style in STYLES.values()]
    assert len(set(shapes)) == len(STYLES)
    for style in STYLES.values():
        for ground in (*PAGES.values(), "#121212"):  # which is a browser's own dark page
            assert contrast(style.colour, ground) >= 3
    for at, ground in PAGES.items():
        assert contrast(INKS[at], ground) >= 7


def test_the_colours_of_the_page_are_read_in_the_light_and_in_the_dark():
    (style,) = root().iter("style")
    light, dark = (
        dict(re.findall(r"--(page|ink|accent|care): (#\w+);", block))
        for block in re.findall(r":root \{(.*?)\}", style.text, re.S)[:2]
    )
    light["page"] = "#ffffff" if light["page"] == "#fff" else light["page"]
    assert (light["page"], dark["page"]) == (PAGES["light"], PAGES["dark"])
    for colours in (light, dark):
        for name in ("ink", "accent", "care"):
            assert contrast(colours[name], colours["page"]) >= 4.5


def test_a_chart_tells_all_of_it_to_who_sees_nothing_and_its_words_are_words():
    for svg in root().iter("svg"):
        title, desc = svg.find("title"), svg.find("desc")
        assert svg.get("aria-labelledby").split() == [title.get("id"), desc.get("id")]
        assert text_of(title)
        assert len(list(svg.iter("text"))) >= 3
    (chart,) = charts_of(section_of("suite-sine"))
    assert text_of(chart.find("desc")) == (
        "value: 1 x, 10 us. reverse: 2 x, 20 us, bound 4 x. forward: 6 x, 60 us. "
        "numerical: 11 x, 110 us."
    )
    words = [text_of(each) for each in chart.iter("text")]
    for word in ("value", "reverse", "forward", "numerical", "1 x", "10 x", "2 x", "11 x"):
        assert word in words


def test_no_word_of_a_phone_s_chart_is_cut_or_small():
    chart = costs(replace(WITH_GAPS, rows=(*WITH_GAPS.rows, replace(GAPS[0], method="m" * 60))))
    narrow = ET.fromstring(as_svg(chart, width=340, alone=False))
    assert narrow.get("viewBox").split()[2] == "340"
    for word in narrow.iter(f"{SVG}text"):
        at, wide = float(word.get("x")), 6.2 * len(word.text)
        left = {"middle": at - wide / 2, "end": at - wide}.get(word.get("text-anchor"), at)
        assert left >= 0
        assert left + wide <= 340
        assert float(word.get("font-size", narrow.get("font-size"))) >= 12


def test_lines_of_a_chart_of_any_length_keep_their_distance():
    rows = [replace(EXAMPLE.row("reverse"), method=f"way {at}") for at in range(700)]
    svg = ET.fromstring(as_svg(costs(replace(EXAMPLE, rows=tuple(rows)))))
    names = [w for w in svg.iter(f"{SVG}text") if w.text.startswith("way ")]
    places = [float(word.get("y")) for word in names]
    gaps = {round(low - high, 3) for high, low in pairwise(places)}
    assert (len(places), gaps) == (700, {25.0})


@pytest.mark.parametrize("width", [680, 340])
def test_a_mark_stands_where_the_ticks_below_it_say(width):
    comparison = replace(EXAMPLE, rows=tuple(slower(EXAMPLE, 7.0).rows))  # from 1 x to 77 x
    svg = ET.fromstring(as_svg(costs(comparison), width=width, alone=False))
    small = [word for word in svg.iter(f"{SVG}text") if word.get("font-size") == "12"]
    ticks = {word.text: float(word.get("x")) for word in small}
    one, ten = ticks["1 x"], ticks["10 x"]
    found = {}
    for mark in of_class(svg, "mark"):
        place = re.search(r"translate\((\S+) ", mark[-1].get("transform"))
        name = mark.find(f"{SVG}title").text.split(":")[0]
        found[name] = 10 ** ((float(place[1]) - one) / (ten - one))
    wanted = {"value": 1.0, "reverse": 14.0, "forward": 42.0, "numerical": 77.0}
    assert found == pytest.approx(wanted, rel=0.02)


def test_marks_stand_in_the_order_of_their_figures_and_a_decade_is_as_long_as_any_other():
    scale = scale_of([1, 1000])
    places = [scale.place(10.0**power) for power in range(4)]
    assert places[1] - places[0] == pytest.approx(places[3] - places[2])
    assert scale.ticks(4) == (1, 10, 100, 1000)
    assert scale_of([0.0, float("inf"), 5.0]).place(0.0) == 0.0
    for low in (3e-9, 0.7, *range(100, 1000, 7)):
        for times in (1, 1.01, 3, 5, 20, 1e4, 1e12):
            for most in (4, 6, 7):
                ticks = scale_of([low, low * times]).ticks(most)
                assert 2 <= len(ticks) <= most


def test_what_changed_names_each_row_that_did_and_leads_to_its_scenario():
    section = section_of("changed")
    assert text_of(of_class(section, "verdict")[0]).startswith("17 slower")
    rows = [[text_of(cell) for cell in row.iter("td")] for row in section.iter("tr")][1:]
    assert ["slower", "suite/sine", "reverse", "1 x", "2 x"] in [row[:5] for row in rows]
    assert len(rows) == 17
    assert "before.json" in text_of(section)
    fewer = page([EXAMPLE], since=diff([EXAMPLE, WITH_GAPS], EXAMPLE))
    (alone,) = [each for each in Tree(fewer).root.iter("section") if each.get("id") == "changed"]
    assert text_of(of_class(alone, "notes")[-1]) == (
        "gone: lecture/mlp, value, numerical, reverse, forward, symbolic"
    )
    assert list(alone.iter("table")) == []
    assert "changed" not in {each.get("id") for each in Tree(page(EVERY)).root.iter()}


def test_the_environment_and_what_makes_careful_stand_above_the_answers():
    busy = replace(EXAMPLE.verdict, time=replace(EXAMPLE.verdict.time, doubt="busy"))
    elsewhere = replace(EXAMPLE, name="suite/other", environment={"device": "cpu", "cores": 64})
    cut = [replace(EXAMPLE, name=name, incomplete="out of time") for name in ("a", "b")]
    runs = [replace(EXAMPLE, verdict=busy), *cut, elsewhere]
    main = next(Tree(page(runs)).root.iter("main"))
    told = [text_of(each) for each in of_class(main, "warning")]
    assert told == [
        "1 answer of 4 in doubt: the machine was busy, and calls waited.",
        "a, b are incomplete: out of time.",
        "suite/other was measured elsewhere than suite/sine: cores 2 -> 64.",
    ]
    order = [each for each in main.iter() if each.get("id") == "answers" or each.get("class")]
    assert order.index(of_class(main, "warning")[-1]) < [e.get("id") for e in order].index(
        "answers"
    )
    assert text_of(of_class(main, "notes")[0]) == "jax 0.10.2; cpu; 2 cores · environment"


def test_every_table_says_that_it_can_be_sorted_and_its_titles_are_titles():
    tables = list(root().iter("table"))
    assert all("sorts" in str(each.get("class")) for each in tables)
    for table in tables:
        titles = list(table.find("thead").iter("th"))
        assert {each.get("scope") for each in titles} == {"col"}
        for row in table.find("tbody").iter("tr"):
            assert len(row) == len(titles)


def test_a_notebook_has_the_charts_of_the_page():
    shown = Tree(f"<body>{html_answer(EXAMPLE)}</body>").root
    titles = [text_of(svg.find("title")) for svg in of_class(shown, "wide") if svg.tag == "svg"]
    (section,) = of_class(Tree(page([EXAMPLE])).root, "scenario")
    charts = [svg for svg in of_class(section, "wide") if svg.tag == "svg"]
    assert sorted(titles) == sorted(text_of(svg.find("title")) for svg in charts)
    assert len(titles) == 5


def test_a_png_has_the_marks_of_the_chart():
    chart = costs(WITH_GAPS)
    (axes,) = figure_of(chart).axes
    places = [dots.get_offsets().tolist()[0] for dots in axes.collections]
    values = [(mark.value, at) for at, one in enumerate(chart.lines[::-1]) for mark in one.marks]
    assert places == [list(pair) for pair in values]
    labels = [label.get_text() for label in axes.get_yticklabels()][::-1]
    assert labels[:3] == ["value", "reverse", "numerical"]
    assert labels[3].startswith("forward\n× skipped: a call would take 12 s")


def test_a_picture_alone_brings_its_ground_for_the_light_and_the_dark(tmp_path):
    EXAMPLE.save(tmp_path / "found.svg")
    picture = ET.fromstring((tmp_path / "found.svg").read_text())
    (style,) = picture.iter(f"{SVG}style")
    assert all(colour in str(style.text) for colour in (*PAGES.values(), *INKS.values()))


def test_the_report_of_a_run_says_what_changed_since_the_run_before_it(tmp_path):
    paths = []
    for day, times in ((1, 0.5), (2, 1.0)):
        run = folder.begin(tmp_path, {}, datetime(2026, 1, day))
        file.save([slower(EXAMPLE, times)], run)
        paths.append(folder.finish(run))
    assert gradwise("report", "--results", tmp_path).exit_code == 0
    written = Tree(paths[1].with_suffix(".html").read_text()).root
    (section,) = [each for each in written.iter("section") if each.get("id") == "changed"]
    assert paths[0].stem in text_of(section)
    assert gradwise("report", paths[0]).exit_code == 0
    assert 'id="changed"' not in paths[0].with_suffix(".html").read_text()
