"""A comparison as plain text."""

from ..comparison.record import Comparison
from ..instrument.text import aligned, filled
from .cells import about, crossing, heading, numbered_notes, table_cells


def text_table(comparison: Comparison) -> str:
    """Write the table, the notes its rows refer to, and the verdict."""
    rows = table_cells(comparison)
    lines = [heading(comparison)]
    lines += [comparison.purpose] if comparison.purpose else []
    lines += aligned(rows)
    for note, number in numbered_notes(comparison).items():
        lines.append(filled(f"[{number}] {note}", "    "))
    lines.append(filled(about(comparison), ""))
    if comparison.residuals:
        lines.append(filled("reverse mode keeps " + "; ".join(comparison.residuals), ""))
    if comparison.crossover:
        lines.append(filled(f"crossing {crossing(comparison)}", " " * 9))
    lines += [filled(line, " " * 9) for line in str(comparison.verdict).splitlines()]
    return "\n".join(lines)
