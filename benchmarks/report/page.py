"""One HTML page that needs no network, and the small table that a notebook shows."""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..comparison.findings import Crossover
from ..comparison.record import Comparison
from ..instrument import units
from .cells import COLUMNS, about, crossing, heading, numbered_notes, table_cells
from .charts import accuracy, bars, crossover, growth, svg, tradeoff, ways
from .series import Family, families, family_cells
from .summary import summary_cells

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def page(comparisons: Sequence[Comparison]) -> str:
    """Write the report on one comparison or many: verdicts first, each chart with its numbers."""
    from jinja2 import Environment, StrictUndefined

    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(
        Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    )
    many = len(comparisons) > 1
    cloud = accuracy(comparisons) if many else None
    return template.render(
        title="What derivatives cost" if many else f"What {comparisons[0].name} costs",
        summary=summary_cells(comparisons) if many else [],
        ways=_drawn(ways(comparisons)) if many else None,
        accuracy=_drawn(cloud),
        families=[_family(family) for family in families(comparisons)],
        parts=[_part(found) for found in comparisons],
        columns=COLUMNS,
        environment=environment_lines(comparisons[0]),
    )


def html_table(comparison: Comparison) -> str:
    """Write the table and the verdict as an HTML fragment."""
    header, *rows = table_cells(comparison)
    lines = [f"<p><b>{html.escape(heading(comparison))}</b></p><table>"]
    lines.append("<tr>" + "".join(f"<th>{html.escape(cell)}</th>" for cell in header) + "</tr>")
    for row in rows:
        lines.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>")
    lines.append("</table>")
    for note, number in numbered_notes(comparison).items():
        lines.append(f"<div>[{number}] {html.escape(note)}</div>")
    lines.append(comparison.verdict._repr_html_())
    return "\n".join(lines)


def environment_lines(comparison: Comparison) -> list[tuple[str, str]]:
    """Return the environment as names and texts."""
    lines = []
    for name, value in comparison.environment.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {part}" for key, part in value.items() if part is not None)
        lines.append((name, str(value) if value not in ("", None) else "-"))
    return lines


def _family(family: Family) -> dict[str, Any]:
    """Return time and memory of a family of scenarios over their size."""
    figures = {
        "time": (family.time, "seconds", units.seconds),
        "memory": (family.memory, "bytes", units.size),
    }
    return {
        "stem": family.stem,
        "figures": [
            {
                "name": name,
                "chart": _drawn(growth(curves, "size", unit)),
                "rows": family_cells(family, name, show),
            }
            for name, (curves, unit, show) in figures.items()
            if curves
        ],
    }


def _drawn(figure: "Figure | None") -> Any:
    from markupsafe import Markup

    return None if figure is None else Markup(svg(figure))


def _part(comparison: Comparison) -> dict[str, Any]:
    found = comparison.crossover
    return {
        "heading": heading(comparison),
        "purpose": comparison.purpose,
        "verdict": comparison.verdict.parts(),
        "chart": _drawn(bars(comparison)),
        "tradeoff": _drawn(tradeoff(comparison)),
        "crossover": _drawn(crossover(found, comparison.m)) if found else None,
        "crossing": crossing(comparison),
        "batches": _batches(found) if found else [],
        "rows": table_cells(comparison),
        "notes": list(numbered_notes(comparison)),
        "about": about(comparison),
        "residuals": comparison.residuals,
    }


def _batches(found: Crossover) -> list[list[str]]:
    """Return the batches that were timed, a line a mode."""
    lines = {"forward": found.forward, "reverse": found.reverse}
    sizes = sorted({size for line in lines.values() for size in line.sizes})
    rows = [["batch of", *(str(size) for size in sizes)]]
    for mode, line in lines.items():
        known = dict(zip(line.sizes, line.seconds, strict=True))
        rows.append([mode, *(units.seconds(known[s]) if s in known else "" for s in sizes)])
    return rows
