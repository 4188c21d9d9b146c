"""One HTML page that needs no network."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._extras import import_extra
from ..comparison.findings import Crossover
from ..comparison.record import Comparison
from ..instrument import units
from .advised import shown
from .answer import answers
from .cells import crossing, heading, remarks
from .charts import bars, crossover, tradeoff
from .charts_of_many import accuracy, scaling, ways
from .columns import Column, columns
from .drawing import svg
from .glossary import GLOSSARY, Entry
from .series import Curve, Family, curve_cells, families
from .summary import by_suite, legend, summary_cells

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def page(comparisons: Sequence[Comparison]) -> str:
    """Return the report on one comparison or many: verdicts first, each chart with its numbers.

    Example:
        >>> from dataclasses import replace
        >>> from benchmarks.report.example import EXAMPLE
        >>> "<h1>What suite/sine costs</h1>" in page([replace(EXAMPLE, rows=(), crossover=None)])
        True
    """
    jinja2 = import_extra("jinja2", "suite")
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    )
    many = len(comparisons) > 1
    return template.render(
        title="What derivatives cost" if many else f"What {comparisons[0].name} costs",
        summaries=[
            {"cells": summary_cells(group), "legend": legend(group)}
            for group in (by_suite(comparisons) if many else [])
        ],
        ways=_markup(ways(comparisons)) if many else None,
        accuracy=_markup(accuracy(comparisons)) if many else None,
        families=[_family_section(family) for family in families(comparisons)],
        sections=[_section(comparison) for comparison in comparisons],
        words=_words(comparisons),
        environment=environment_lines(comparisons[0]),
    )


def environment_lines(comparison: Comparison) -> list[tuple[str, str]]:
    """Return the environment as pairs of a name and a text.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> environment_lines(EXAMPLE)
        [('packages', 'jax 0.10.2'), ('device', 'cpu'), ('cores', '2')]
    """
    lines = []
    for name, value in comparison.environment.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {part}" for key, part in value.items() if part is not None)
        lines.append((name, str(value) if value not in ("", None) else "-"))
    return lines


def _family_section(family: Family) -> dict[str, Any]:
    """Return what the template shows of a family: its time and its memory over the size."""
    figures = [
        _scaling_figure("time", family.time, "seconds", units.seconds),
        _scaling_figure("memory", family.memory, "bytes", units.size),
    ]
    return {"stem": family.stem, "figures": [figure for figure in figures if figure]}


def _scaling_figure(
    name: str, curves: Sequence[Curve], unit: str, show: Callable[[float], str]
) -> dict[str, Any] | None:
    if not curves:
        return None
    chart = _markup(scaling(curves, "size", unit))
    return {"name": name, "chart": chart, "cells": curve_cells(curves, show)}


def _section(comparison: Comparison) -> dict[str, Any]:
    """Return what the template shows of a comparison."""
    measured = comparison.crossover
    return {
        "heading": heading(comparison),
        "purpose": comparison.purpose,
        "answers": answers(comparison),
        "advice": shown(comparison),
        "chart": _markup(bars(comparison)),
        "pattern": _pattern(comparison),
        "tradeoff": _markup(tradeoff(comparison)),
        "crossover": _markup(crossover(measured, comparison.m)) if measured else None,
        "crossing": crossing(comparison),
        "batches": _batch_cells(measured) if measured else [],
        "columns": _stripped(columns(comparison)),
        "remarks": [pair for pair in remarks(comparison) if pair[0] != "crossing"],
    }


def _stripped(shown: Sequence[Column]) -> list[Column]:
    return [column._replace(cells=[cell.strip() for cell in column.cells]) for column in shown]


def _words(comparisons: Sequence[Comparison]) -> list[tuple[str, Entry]]:
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


def _pattern(comparison: Comparison) -> Any:
    """Return what depends on what as SVG that the template does not escape, or `None`."""
    from markupsafe import Markup

    return comparison.pattern and Markup(comparison.pattern.svg(comparison.name))


def _markup(figure: "Figure | None") -> Any:
    """Return a figure as SVG that the template does not escape, or `None`."""
    from markupsafe import Markup

    return None if figure is None else Markup(svg(figure))
