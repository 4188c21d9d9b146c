"""A comparison in a notebook: the answer, what to type, the chart, and the table."""

import html
from collections.abc import Iterable, Sequence

from ..comparison.record import Comparison
from .advised import html_lines
from .answer import answers
from .cells import heading, remarks
from .charts import by_measure, crossover, tradeoff
from .columns import Column, columns
from .drawing.chart import Chart
from .drawing.svg import STYLE, in_page

#: Colours follow the notebook's text, so that it reads in the light and in the dark.
_STYLE = (
    f"""<style>
{STYLE}"""
    + """
.gradwise { font: 14px/1.45 system-ui, sans-serif; max-width: 60rem; }
.gradwise p { margin: .3rem 0; }
.gradwise code { font-size: 13px; overflow-wrap: anywhere; white-space: pre-wrap; }
.gradwise .answer { border-left: 4px solid #0a9d74; padding: .1rem 0 .1rem .8rem; margin: .6rem 0; }
.gradwise dl { display: grid; grid-template-columns: max-content minmax(0, 1fr);
  gap: .15rem .9rem; margin: .3rem 0; }
.gradwise dt { font-weight: 600; } .gradwise dd { margin: 0; overflow-wrap: anywhere; }
.gradwise .wide { overflow-x: auto; }
.gradwise table { border-collapse: collapse; font-size: 13px;
  font-variant-numeric: tabular-nums; margin: .6rem 0; }
.gradwise th, .gradwise td { padding: .2rem .6rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid #8885; background: none; }
.gradwise th[title] { cursor: help; text-decoration: underline dotted #888; }
.gradwise th:first-child, .gradwise td:first-child { text-align: left; }
.gradwise summary { cursor: pointer; }
.gradwise .more { font-size: 12px; opacity: .85; }
</style>"""
)


def html_answer(comparison: Comparison) -> str:
    """Return a comparison as an HTML fragment, with the charts of its page.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> "<code>jax.jit(jax.grad(sine))</code>" in html_answer(EXAMPLE)
        True
    """
    purpose = f"<p>{html.escape(comparison.purpose)}</p>" if comparison.purpose else ""
    lines = [
        f'{_STYLE}<div class="gradwise">',
        f"<p><b>{html.escape(heading(comparison))}</b></p>{purpose}",
        f'<dl class="answer">{"".join(_answers(comparison))}</dl>',
        *html_lines(comparison),
        *_charts(comparison),
        comparison.pattern.svg(comparison.name) if comparison.pattern else "",
        f'<div class="wide">{html_columns(columns(comparison))}</div>',
        f'<dl class="more">{"".join(_pairs(remarks(comparison)))}</dl>',
        "</div>",
    ]
    return "\n".join(line for line in lines if line)


def html_columns(shown: Sequence[Column]) -> str:
    """Return columns as an HTML table whose titles say what they show.

    Example:
        >>> print(html_columns([Column("cost", "cost", ["2 x"])]))
        <table><tr><th title="How many runs of the function itself one derivative takes.">cost...
    """
    titles = "".join(
        f'<th title="{html.escape(column.meaning)}">{html.escape(column.title)}</th>'
        if column.meaning
        else f"<th>{html.escape(column.title)}</th>"
        for column in shown
    )
    rows = [
        "".join(f"<td>{html.escape(cell.strip())}</td>" for cell in row)
        for row in zip(*(column.cells for column in shown), strict=True)
    ]
    return "<table>" + "\n".join(f"<tr>{line}</tr>" for line in [titles, *rows]) + "</table>"


def _answers(comparison: Comparison) -> Iterable[str]:
    for part in answers(comparison):
        name = part.name.capitalize()
        if part.text:
            yield f"<dt>{name}</dt><dd>{html.escape(part.text)}</dd>"
        if part.code:
            use = "Use" if part.name == "ANSWER" or not part.text else ""
            yield f"<dt>{use}</dt><dd><code>{html.escape(part.code)}</code></dd>"


def _pairs(pairs: Iterable[tuple[str, str]]) -> Iterable[str]:
    for name, text in pairs:
        yield f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>"


def _charts(comparison: Comparison) -> Iterable[str]:
    """Return the chart of the times, and the others folded away."""
    charts: list[tuple[str, Chart | None]] = [*by_measure(comparison)]
    charts.append(("time against memory", tradeoff(comparison)))
    if comparison.crossover:
        charts.append(("directions in a batch", crossover(comparison.crossover, comparison.m)))
    for name, chart in charts:
        if chart and name == "time":
            yield in_page(chart)
        elif chart:
            shown = f"<summary>{name.capitalize()}</summary>{in_page(chart)}"
            yield f"<details>{shown}</details>"
