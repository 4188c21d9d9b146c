"""Many comparisons in tables, one a suite, with the columns of what it measures."""

from collections import Counter
from collections.abc import Callable, Sequence

from ..comparison.findings import Finding
from ..comparison.record import Comparison
from ..comparison.row import Row
from ..instrument import units
from ..instrument.text import WIDTH, filled, fitted
from .columns import DOUBT
from .glossary import GLOSSARY
from .views import WAYS, view_of

_BEST = ("by", "doubt")
_SIZES = ("inputs", "outputs", "value")
_ERROR = "numerical's error"
#: What stands for " (" inside of a method's name while a text is cut at that.
_KEPT = "\0("
#: The columns that a narrow table goes without, the most dispensable ones first.
_SPARE = (_ERROR, "outputs", "value", "by", "inputs")
#: The ways that one misses least: what the table is for is forward against reverse mode.
_FIRST_TO_GO = ("symbolic", "numerical")
#: What stands in the column of doubts, in a word, and what it means.
_DOUBTS = {
    "busy": "busy: calls waited, so the fastest is told by CPU time, or cannot be told (?)",
    "few samples": "few samples: give it more seconds of measuring (--budget)",
}


def summary_cells(comparisons: Sequence[Comparison]) -> list[list[str]]:
    """Return a header, and a line for each comparison of one suite.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> summary_cells([EXAMPLE])[1]
        ['suite/sine', 'reverse', '3 x', '', '5', '1', '10 us', '11 x', '', '6 x', '2 x', '1.0e-03']
    """
    view = view_of(comparisons)
    best = [view.best, *_BEST] if view.best else []
    header = ["scenario", *best, *_SIZES, *view.titles, _ERROR]
    lines = [
        [one.name, *_best(view.finding(one)), *_sizes(one), *view.show(one), _error(one)]
        for one in comparisons
    ]
    return [header, *lines]


def by_suite(comparisons: Sequence[Comparison]) -> list[list[Comparison]]:
    """Return comparisons in groups that have a suite in common, in the order of their first ones.

    Example:
        >>> from dataclasses import replace
        >>> from benchmarks.report.example import EXAMPLE
        >>> other = replace(EXAMPLE, name="other/sine")
        >>> [len(group) for group in by_suite([EXAMPLE, other, EXAMPLE])]
        [2, 1]
    """
    groups: dict[tuple[str, int], list[Comparison]] = {}
    for one in comparisons:
        groups.setdefault((one.name.rpartition("/")[0], one.order), []).append(one)
    return list(groups.values())


def summary_text(comparisons: Sequence[Comparison], width: int = WIDTH) -> str:
    """Return a table for each suite as plain text, with a legend and the reasons for gaps.

    Args:
        comparisons: What was compared.
        width: The most characters in a line. A wide table has columns that a narrow one has not.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> print(summary_text([EXAMPLE]))
        suite/  fastest   by  inputs  outputs  value  numerical  forward  reverse
        ------  -------  ---  ------  -------  -----  ---------  -------  -------
        sine    reverse  3 x       5        1  10 us       11 x      6 x      2 x
        1 x = one run of the function itself (10 us); lower is better.
        Numerical differentiation is off by 1.0e-03 of the largest entry.
        So: reverse mode is the fastest.
    """
    return "\n\n".join(_suite_text(group, width) for group in by_suite(comparisons))


def _suite_text(comparisons: Sequence[Comparison], width: int) -> str:
    suite = _suite(comparisons)
    (_, *titles), *lines = summary_cells(comparisons)
    cells = [[suite or "scenario", *titles]]
    cells += [[name.removeprefix(suite), *figures] for name, *figures in lines]
    ways = view_of(comparisons).titles
    few = [title for title in _FIRST_TO_GO if title in ways]
    rest = [title for title in reversed(ways[2:]) if title not in WAYS]
    table = fitted(cells, width, spare=(*_SPARE, *few, *rest))
    no_room = [title for title in table.left_out if title in ways]
    texts = [*legend(comparisons, table.left_out), *_reasons(comparisons)]
    if no_room:
        texts.append(f"No room for {', '.join(no_room)}: see a wider terminal, or the page.")
    return "\n".join([*table.lines, *(filled(text, "  ", width) for text in texts)])


def legend(comparisons: Sequence[Comparison], left_out: Sequence[str] = ()) -> list[str]:
    """Return sentences that say what a summary's figures are, and what they come to.

    Args:
        comparisons: What was compared.
        left_out: The titles of columns that the table lacks, whose range is told instead.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> legend([EXAMPLE])[0]
        '1 x = one run of the function itself (10 us); lower is better.'
    """
    view = view_of(comparisons)
    rows = [row for comparison in comparisons for row in comparison.rows]
    values = [row.seconds for row in rows if row.method == "value" and row.seconds is not None]
    errors = [row.error for row in rows if row.method == "numerical" and row.error is not None]
    value = f" ({_range(values, units.seconds)})" if values else ""
    text = f"{view.legend}{value}; lower is better."
    texts = [text[0].upper() + text[1:]]
    if _ERROR in left_out:
        off = _range(errors, lambda error: f"{error:.1e}")
        texts.append(f"Numerical differentiation is off by {off} of the largest entry.")
    if any(DOUBT in cell for one in comparisons for cell in view.show(one)):
        texts.append(f"? {GLOSSARY['?'].short[0].lower()}{GLOSSARY['?'].short[1:]}")
    if view.best != "fastest":
        return texts
    doubts = {_doubt(one.verdict.time) for one in comparisons}
    texts += [meaning for doubt, meaning in _DOUBTS.items() if doubt in doubts]
    return texts + _conclusion(comparisons)


def _conclusion(comparisons: Sequence[Comparison]) -> list[str]:
    """Say what is the fastest, and of how many: a mode, of second order a method."""
    counts: Counter[str] = Counter()
    for one in comparisons:
        modes = {row.method: _mode(row) for row in one.rows}
        time = one.verdict.time
        method = (time.method if time.over else None) or ""  # what has nothing to beat won nothing
        counts[method if one.order == 2 and method in modes else modes.get(method, "")] += 1
    rest, every = counts.pop("", 0), len(comparisons)
    if not counts:
        return []
    if len(counts) == 1 and not rest:
        return [f"So: {next(iter(counts))} is the fastest{' in all of them' * (every > 1)}."]
    parts = [f"{name} in {count}" for name, count in counts.most_common()]
    parts += [f"none that can be told in {rest}"] if rest else []
    return [f"So: the fastest of {every} is {', '.join(parts)}."]


def _mode(row: Row) -> str:
    return f"{row.mode} mode" if row.passes is None else "a way by the function's structure"


def _suite(comparisons: Sequence[Comparison]) -> str:
    """Return what all names begin with, such as `"lecture/"`; `""` if there is no such thing."""
    suites = {"/".join([*one.name.split("/")[:-1], ""]) for one in comparisons}
    return suites.pop() if len(suites) == 1 else ""


def _range(figures: Sequence[float], show: Callable[[float], str]) -> str:
    """Write the least and the greatest of some figures, or the one that they all are."""
    return " to ".join(dict.fromkeys(map(show, (min(figures), max(figures)))))


def _reasons(comparisons: Sequence[Comparison]) -> list[str]:
    """Return a line for each way without a figure that has a note."""
    return [
        f"{comparison.name}, {row.method} {row.status}: {row.note}"
        for comparison in comparisons
        for row in comparison.rows
        if row.method in WAYS and row.ratio is None and row.note
    ]


def _best(finding: Finding | None) -> list[str]:
    """Return what is best, by how much, and what makes that doubtful; nothing without a finding."""
    if finding is None:
        return []
    return [finding.method or "?" * bool(finding.doubt), _factor(finding), _doubt(finding)]


def _sizes(comparison: Comparison) -> list[str]:
    """Return the sizes of the function and its own time."""
    value = next((row for row in comparison.rows if row.method == "value"), None)
    seconds = units.seconds(value.seconds) if value and value.seconds is not None else ""
    return [f"{comparison.n:,}", f"{comparison.m:,}", seconds]


def _error(comparison: Comparison) -> str:
    row = next((row for row in comparison.rows if row.method == "numerical"), None)
    return f"{row.error:.1e}" if row and row.error is not None else ""


def _doubt(time: Finding) -> str:
    """Return what makes the fastest doubtful in a word or two, which the legend explains."""
    return time.doubt.split(",")[0]


def _factor(time: Finding) -> str:
    """Return how many times faster the fastest method is, or is at least."""
    if time.factor is None or time.method in (None, "tie"):
        return ""
    return f"> {units.floored(time.factor)} x" if time.at_least else f"{units.times(time.factor)} x"


def one_line(comparison: Comparison) -> str:
    """Return what a comparison found, as it is told as soon as it is there.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> one_line(EXAMPLE)
        'reverse: 3 times faster than forward; 2 x the function'
    """
    row = next((r for r in comparison.rows if r.method == comparison.verdict.time.method), None)
    cost = f"; {units.times(row.ratio.median)} x the function" if row and row.ratio else ""
    text = comparison.verdict.time.text
    for name in (row.method for row in comparison.rows if " (" in row.method):
        text = text.replace(name, name.replace(" (", _KEPT))  # what follows is said in brackets
    return f"{text.split(' (')[0].replace(_KEPT, ' (')}{cost}"
