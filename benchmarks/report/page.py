"""One HTML page that needs no network, and the small table that a notebook shows."""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..comparison import Comparison
from .cells import COLUMNS, about, heading, numbered_notes, table_cells
from .charts import accuracy, bars, svg
from .summary import summary_cells


def page(comparisons: Sequence[Comparison]) -> str:
    """The report on one comparison or many: verdicts first, every figure with its numbers."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(
        Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    )
    many = len(comparisons) > 1
    cloud = accuracy(comparisons) if many else None
    return template.render(
        title="What derivatives cost" if many else f"What {comparisons[0].name} costs",
        summary=summary_cells(comparisons) if many else [],
        accuracy=Markup(svg(cloud)) if cloud else None,
        parts=[_part(found) for found in comparisons],
        columns=COLUMNS,
        environment=environment_lines(comparisons[0]),
    )


def html_table(comparison: Comparison) -> str:
    """The table and the verdict as an HTML fragment."""
    header, *rows = table_cells(comparison)
    lines = [f"<p><b>{html.escape(heading(comparison))}</b></p><table>"]
    lines.append("<tr>" + "".join(f"<th>{html.escape(cell)}</th>" for cell in header) + "</tr>")
    for row in rows:
        lines.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>")
    lines.append("</table>")
    for note, number in numbered_notes(comparison).items():
        lines.append(f"<div>[{number}] {html.escape(note)}</div>")
    lines.append(f"<pre>{html.escape(str(comparison.verdict))}</pre>")
    return "\n".join(lines)


def environment_lines(comparison: Comparison) -> list[tuple[str, str]]:
    """The environment as names and texts."""
    lines = []
    for name, value in comparison.environment.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {part}" for key, part in value.items() if part is not None)
        lines.append((name, str(value) if value not in ("", None) else "-"))
    return lines


def _part(comparison: Comparison) -> dict[str, Any]:
    from markupsafe import Markup

    chart, verdict = bars(comparison), comparison.verdict
    return {
        "heading": heading(comparison),
        "why": comparison.why,
        "verdict": [(name, str(text)) for name, text in verdict._asdict().items()],
        "chart": Markup(svg(chart)) if chart else None,
        "rows": table_cells(comparison),
        "notes": list(numbered_notes(comparison)),
        "about": about(comparison),
        "residuals": comparison.residuals,
    }
