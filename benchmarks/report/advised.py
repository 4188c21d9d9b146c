"""Advice as text, Markdown and HTML: at most three pieces, the weightiest first."""

from ..comparison.record import Advice, Comparison
from ..instrument.text import filled, in_markdown

#: More advice than this is not read.
MOST = 3
_INDENT, _CODE = " " * 9, " " * 11


def shown(comparison: Comparison) -> tuple[Advice, ...]:
    """Return the advice that is shown.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> [advice.pattern for advice in shown(EXAMPLE)]
        []
    """
    return comparison.advice[:MOST]


def text_lines(comparison: Comparison, width: int) -> list[str]:
    """Return the lines that a terminal shows; code is as it is to be typed, and never filled."""
    lines = []
    for advice in shown(comparison):
        lines.append(filled(f"ADVICE   {advice.heading}", _INDENT, width))
        lines += [_CODE + line for line in advice.code.splitlines()]
        lines.append(filled(f"{_INDENT}saves {advice.saves}", _INDENT, width))
    return lines


def markdown_lines(comparison: Comparison) -> list[str]:
    """Return the lines of a summary in Markdown, the code in fences."""
    lines = []
    for advice in shown(comparison):
        lines += [f"* advice {in_markdown(advice.heading)}", "", "  ```python"]
        lines += [f"  {line}" for line in advice.code.splitlines()]
        lines += ["  ```", "", f"  saves {in_markdown(advice.saves)}", ""]
    return lines


def html_lines(comparison: Comparison) -> list[str]:
    """Return the fragments that a notebook shows below the verdict."""
    return [f"<div><b>advice</b>{one._repr_html_()}</div>" for one in shown(comparison)]
