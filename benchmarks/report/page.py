"""One HTML page that needs no network, and the small table that a notebook shows."""

import html
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._extras import import_extra
from ..comparison.findings import Crossover
from ..comparison.record import Comparison
from ..instrument import units
from .advised import html_lines, shown
from .cells import COLUMNS, about, crossing, heading, numbered_notes, table_cells
from .charts import bars, crossover, tradeoff
from .charts_of_many import accuracy, scaling, ways
from .drawing import svg
from .series import Curve, Family, curve_cells, families
from .summary import legend, summary_cells

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
        summary=summary_cells(comparisons) if many else [],
        legend=legend(comparisons) if many else [],
        ways=_markup(ways(comparisons)) if many else None,
        accuracy=_markup(accuracy(comparisons)) if many else None,
        families=[_family_section(family) for family in families(comparisons)],
        sections=[_section(comparison) for comparison in comparisons],
        columns=COLUMNS,
        environment=environment_lines(comparisons[0]),
    )


def html_table(comparison: Comparison) -> str:
    """Return the table and the verdict as an HTML fragment, for a notebook.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> html_table(EXAMPLE).splitlines()[0]
        '<p><b>suite/sine: 5 inputs -&gt; 1 output, float32</b></p><table>'
    """
    header, *rows = table_cells(comparison)
    lines = [f"<p><b>{html.escape(heading(comparison))}</b></p><table>"]
    lines.append(_html_line("th", header))
    lines += [_html_line("td", row) for row in rows]
    lines.append("</table>")
    notes = [f"[{number}] {note}" for note, number in numbered_notes(comparison).items()]
    lines += [f"<div>{html.escape(text)}</div>" for text in (*notes, about(comparison))]
    lines.append(comparison.verdict._repr_html_())
    lines += html_lines(comparison)
    return "\n".join(lines)


def _html_line(tag: str, cells: Sequence[str]) -> str:
    """Return a line of a table, the first cell to the left and the others to the right."""
    sides = ["left", *["right"] * (len(cells) - 1)]
    texts = [
        f'<{tag} style="text-align:{side}">{html.escape(cell)}</{tag}>'
        for side, cell in zip(sides, cells, strict=True)
    ]
    return f"<tr>{''.join(texts)}</tr>"


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
        "verdict": comparison.verdict.parts(),
        "advice": shown(comparison),
        "chart": _markup(bars(comparison)),
        "tradeoff": _markup(tradeoff(comparison)),
        "crossover": _markup(crossover(measured, comparison.m)) if measured else None,
        "crossing": crossing(comparison),
        "batches": _batch_cells(measured) if measured else [],
        "cells": table_cells(comparison),
        "notes": list(numbered_notes(comparison)),
        "about": about(comparison),
        "residuals": comparison.residuals,
    }


def _batch_cells(measured: Crossover) -> list[list[str]]:
    """Return the seconds of each batch of directions as a table, a line for each mode."""
    lines = {"forward": measured.forward, "reverse": measured.reverse}
    sizes = sorted({size for line in lines.values() for size in line.sizes})
    cells = [["batch of", *(str(size) for size in sizes)]]
    for mode, line in lines.items():
        seconds = dict(zip(line.sizes, line.seconds, strict=True))
        cells.append([mode, *(units.seconds(seconds[k]) if k in seconds else "" for k in sizes)])
    return cells


def _markup(figure: "Figure | None") -> Any:
    """Return a figure as SVG that the template does not escape, or `None`."""
    from markupsafe import Markup

    return None if figure is None else Markup(svg(figure))
