"""One HTML page that needs no network."""

import html
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .._document import html_document
from .._extras import import_extra
from ..comparison.differences import Differences
from ..comparison.findings import Crossover
from ..comparison.record import Comparison
from ..instrument import units
from .advised import shown
from .answer import answers
from .care import gaps, other_remarks, setting, warnings
from .cells import crossing, heading
from .changed import changed_section
from .charts import by_measure, crossover, tradeoff
from .charts_of_many import accuracy_by_measure, scaling, ways_by_measure
from .columns import Column, columns
from .contents import Entry, addresses, by_suite
from .drawing.chart import Chart
from .drawing.svg import STYLE, in_page
from .entry import Entry as Meaning
from .environment import environment_lines
from .glossary import GLOSSARY
from .measures import MEASURES
from .series import Curve, Family, curve_cells, families
from .summary import by_suite as summarised
from .summary import legend, summary_cells

#: The addresses of the sections that are not about a scenario.
_FIXED = ("answers", "ways", "accuracy", "changed", "words", "environment")


def page(comparisons: Sequence[Comparison], *, since: Differences | None = None) -> str:
    """Return the report on one comparison or many: answers first, each chart with its numbers.

    Args:
        comparisons: What was compared.
        since: What the run before and this one differ in, which has a section of its own.

    Example:
        >>> from dataclasses import replace
        >>> from benchmarks.report.example import EXAMPLE
        >>> "<h1>What suite/sine costs</h1>" in page([replace(EXAMPLE, rows=(), crossover=None)])
        True
    """
    jinja2 = import_extra("jinja2", "suite")
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        _file("page.html")
    )
    many, kin = len(comparisons) > 1, families(comparisons)
    stems = [family.stem for family in kin]
    places = addresses([one.name for one in comparisons], _FIXED)
    of_kin = addresses(stems, [*_FIXED, *places])
    where = {one.name: place for one, place in zip(comparisons, places, strict=True)}
    title = "What derivatives cost" if many else f"What {comparisons[0].name} costs"
    body = template.render(
        title=title,
        script=_markup(_file("page.js")),
        contents=_contents(comparisons, places, dict(zip(of_kin, stems, strict=True)), since),
        measures=[measure.name for measure in MEASURES],
        setting=setting(comparisons[0]),
        warnings=warnings(comparisons),
        index=_index(comparisons, where) if many else None,
        since=changed_section(since, where) if since else None,
        families=[_family_section(*pair) for pair in zip(kin, of_kin, strict=True)],
        sections=[_section(*pair) for pair in zip(comparisons, places, strict=True)],
        words=_words(comparisons),
        environment=environment_lines(comparisons[0]),
    )
    return html_document(html.escape(title), body, style=_file("page.css") + STYLE)


def _contents(
    comparisons: Sequence[Comparison],
    places: Sequence[str],
    kin: dict[str, str],
    since: Differences | None,
) -> list[Entry]:
    """Return the entries of the contents, in the order of the page."""
    scenarios = [Entry(at, one.name) for at, one in zip(places, comparisons, strict=True)]
    return [
        *([Entry("answers", "Answers")] if len(comparisons) > 1 else []),
        *([Entry("changed", "What changed")] if since else []),
        *(Entry(address, f"{stem}…") for address, stem in kin.items()),
        *by_suite(scenarios),
        Entry("words", "Words"),
        Entry("environment", "Environment"),
    ]


def _index(comparisons: Sequence[Comparison], where: dict[str, str]) -> dict[str, Any]:
    """Return what the template shows of all comparisons: their answers, tables and charts."""
    return {
        "ways": _switched(ways_by_measure(comparisons), "ways"),
        "accuracy": _switched(accuracy_by_measure(comparisons), "accuracy"),
        "summaries": [
            {"cells": _filled(summary_cells(group)), "legend": legend(group), "where": where}
            for group in summarised(comparisons)
        ],
    }


def _filled(cells: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return a table without the columns that hold nothing."""
    kept = [column for column in zip(*cells, strict=True) if any(column[1:])]
    return [list(row) for row in zip(*kept, strict=True)]


def _family_section(family: Family, address: str) -> dict[str, Any]:
    """Return what the template shows of a family: its time and its memory over the size."""
    figures = [
        _scaling_figure(family.stem, address, "time", family.time, units.seconds),
        _scaling_figure(family.stem, address, "memory", family.memory, units.size),
    ]
    return {
        "stem": family.stem,
        "address": address,
        "figures": [figure for figure in figures if figure],
    }


def _scaling_figure(
    stem: str, address: str, name: str, curves: Sequence[Curve], show: Callable[[float], str]
) -> dict[str, Any] | None:
    if not curves:
        return None
    chart = _drawn(scaling(curves, stem, name, show), f"{address}-{name}")
    return {"name": name, "chart": chart, "cells": curve_cells(curves, show)}


def _section(comparison: Comparison, address: str) -> dict[str, Any]:
    """Return what the template shows of a comparison."""
    measured, costs = comparison.crossover, tradeoff(comparison)
    batches = crossover(measured, comparison.m) if measured else None
    return {
        "address": address,
        "heading": heading(comparison),
        "purpose": comparison.purpose,
        "answers": answers(comparison),
        "advice": shown(comparison),
        "charts": _switched(by_measure(comparison), address),
        "gaps": gaps(comparison),
        "pattern": comparison.pattern and _markup(comparison.pattern.svg(comparison.name)),
        "tradeoff": costs and _drawn(costs, f"{address}-tradeoff"),
        "crossover": batches and _drawn(batches, f"{address}-crossing"),
        "crossing": crossing(comparison),
        "batches": _batch_cells(measured) if measured else [],
        "columns": _stripped(columns(comparison)),
        "remarks": other_remarks(comparison),
    }


def _stripped(shown: Sequence[Column]) -> list[Column]:
    return [column._replace(cells=[cell.strip() for cell in column.cells]) for column in shown]


def _words(comparisons: Sequence[Comparison]) -> list[tuple[str, Meaning]]:
    """Return the words of the tables with what they mean, and those of the ways in them."""
    titles = [column.name for one in comparisons for column in columns(one)]
    modes = [row.mode for one in comparisons for row in one.rows]
    asked = dict.fromkeys(["value", *titles, "?", *modes, "residual", "dispatch floor", "tie"])
    return [(word, GLOSSARY[word]) for word in asked if word in GLOSSARY]


def _batch_cells(measured: Crossover) -> list[list[str]]:
    """Return the seconds of each batch of directions as a table, a line for each mode."""
    lines = {"forward": measured.forward, "reverse": measured.reverse}
    sizes = sorted({size for line in lines.values() for size in line.sizes})
    cells = [["batch of", *(str(size) for size in sizes)]]
    for mode, line in lines.items():
        seconds = dict(zip(line.sizes, line.seconds, strict=True))
        cells.append([mode, *(units.seconds(seconds[k]) if k in seconds else "" for k in sizes)])
    return cells


def _switched(charts: Sequence[tuple[str, Chart]], address: str) -> dict[str, Any]:
    """Return the charts between which the page switches, by what they show."""
    return {name: _drawn(chart, f"{address}-{name}") for name, chart in charts}


def _drawn(chart: Chart, key: str) -> Any:
    return _markup(in_page(chart, f"chart-{key}"))


def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _markup(text: str) -> Any:
    """Return markup that the template does not escape."""
    from markupsafe import Markup

    return Markup(text)
