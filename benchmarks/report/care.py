"""What makes a reader careful: what stands beside the answers of a page."""

from collections.abc import Iterable, Sequence

from ..comparison.made_by import changes, machine, versions
from ..comparison.record import Comparison
from ..instrument.units import counted
from .cells import remarks
from .environment import environment_lines


def warnings(comparisons: Sequence[Comparison]) -> list[str]:
    """Return what is to be known before the answers are believed, a sentence each.

    Example:
        >>> from dataclasses import replace
        >>> from benchmarks.report.example import EXAMPLE
        >>> warnings([EXAMPLE])
        []
        >>> warnings([replace(EXAMPLE, incomplete="interrupted")])
        ['suite/sine is incomplete: interrupted.']
    """
    return [
        *_doubts(comparisons),
        *_incomplete(comparisons),
        *_made_differently(comparisons),
    ]


def _doubts(comparisons: Sequence[Comparison]) -> Iterable[str]:
    """Count the answers that are in doubt, by the word for it."""
    doubts = [one.verdict.time.doubt for one in comparisons]
    meanings = {
        "busy": "the machine was busy, and calls waited",
        "busy, by CPU time": "the machine was busy, and what is told is by CPU time",
        "few samples": "there are few samples: give more seconds of measuring (--budget)",
    }
    for doubt in dict.fromkeys(filter(None, doubts)):
        many = f"{counted(doubts.count(doubt), 'answer')} of {len(doubts)}"
        who = many if len(doubts) > 1 else "The answer is"
        yield f"{who} in doubt: {meanings.get(doubt, doubt)}."


def _incomplete(comparisons: Sequence[Comparison]) -> Iterable[str]:
    """Name the comparisons that are incomplete, those of one reason together."""
    named: dict[str, list[str]] = {}
    for one in comparisons:
        if one.incomplete:
            named.setdefault(one.incomplete, []).append(one.name)
    for reason, (first, *others) in named.items():
        yield f"{', '.join([first, *others])} {'are' if others else 'is'} incomplete: {reason}."


def _made_differently(comparisons: Sequence[Comparison]) -> Iterable[str]:
    """Name the comparisons that another machine or other versions made than the first one."""
    first = comparisons[0].environment
    for one in comparisons[1:]:
        here = one.environment
        texts = changes(machine(first), machine(here)) + changes(versions(first), versions(here))
        if texts:
            yield f"{one.name} was measured elsewhere than {comparisons[0].name}: {texts[0]}."


def setting(comparison: Comparison) -> str:
    """Return in one line where and when it was measured.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> setting(EXAMPLE)
        'jax 0.10.2; cpu; 2 cores'
    """
    lines = dict(environment_lines(comparison))
    jax = versions(comparison.environment).get("jax")
    parts = [
        f"jax {jax}" if jax else "",
        lines.get("processor") or lines.get("device", ""),
        f"{lines['cores']} cores" if "cores" in lines else "",
        f"load {lines['load']}" if lines.get("load", "-") != "-" else "",
        lines.get("time", "")[:16].replace("T", " "),
    ]
    return "; ".join(part for part in parts if part)


def other_remarks(comparison: Comparison) -> list[tuple[str, str]]:
    """Return the remarks that neither `gaps` nor the chart of the crossing tells already."""
    told = {"crossing", *(name for name, _ in gaps(comparison))}
    pairs = remarks(comparison)
    return [pair for pair in pairs if not told.issuperset(pair[0].split(", "))]


def gaps(comparison: Comparison) -> list[tuple[str, str]]:
    """Return the methods that have no time, or no right derivative, each with the reason.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> gaps(EXAMPLE)
        []
    """
    return [
        (row.method, f"{row.status}: {row.note}" if row.note else row.status)
        for row in comparison.rows
        if row.status != "ok"
    ]
