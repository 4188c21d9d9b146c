"""What a comparison with other libraries found: printed as tables, or plain values for JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, NamedTuple

from ..instrument import units
from ..instrument.statistics import Ratio
from ..instrument.text import aligned

_WRONG = "! is wrong; a blank: the library has no such function"
_RATIOS = "Ratios are medians over interleaved rounds (99 % interval); lower is better."
# Ratios hold on a busy machine only for programs that use its cores alike: a reader must know.
_MACHINE = ("cores", "load")


class Answer(NamedTuple):
    """What a library returned in an edge case, and whether that is right."""

    text: str
    right: bool


class Edge(NamedTuple):
    """An edge case: what is right, and the answers of the libraries that offer the function."""

    case: str
    truth: str
    answers: Mapping[str, Answer]


class Timing(NamedTuple):
    """What a library's step costs beside the hand-written one.

    Attributes:
        name: The library.
        note: Why there is no figure, if there is none.
        seconds: Median wall seconds of a step.
        step: The ratio to the hand-written step, within the same rounds.
        compile_seconds: Median wall seconds from the Python function to the executable.
        compile: The ratio to the hand-written one's.
    """

    name: str
    note: str = ""
    seconds: float | None = None
    step: Ratio | None = None
    compile_seconds: float | None = None
    compile: Ratio | None = None


class Result(NamedTuple):
    """Edge cases and timings, where they were taken, and the versions of the libraries.

    Example:
        >>> answers = {"ours": Answer("NaN", True), "theirs": Answer("0.5", False)}
        >>> print(Result((Edge("label -1", "NaN", answers),), (Timing("theirs", "no flax"),), {}))
        edge case  right  ours  theirs
        ---------  -----  ----  ------
        label -1     NaN   NaN   ! 0.5
        ! is wrong; a blank: the library has no such function
        <BLANKLINE>
        library     note
        -------  -------
        theirs   no flax
        Ratios are medians over interleaved rounds (99 % interval); lower is better.
    """

    edges: tuple[Edge, ...]
    timings: tuple[Timing, ...]
    environment: Mapping[str, Any]
    versions: Mapping[str, str] = MappingProxyType({})
    searches: tuple[Timing, ...] = ()

    def __str__(self) -> str:
        """The tables as plain text."""
        sections = []
        if self.edges:
            sections.append("\n".join([*aligned(_edge_cells(self.edges)), _WRONG]))
        if self.timings:
            sections.append("\n".join([*aligned(_timing_cells(self.timings)), _RATIOS]))
        if self.searches:
            titles = "search", "time", "over one by one"
            sections.append("\n".join(aligned(_timing_cells(self.searches, *titles))))
        where = [f"{name} {one}" for name, one in self.versions.items()]
        where += [
            f"{name} {self.environment[name]}" for name in _MACHINE if name in self.environment
        ]
        sections += [", ".join(where)] if where else []
        return "\n\n".join(sections)

    def to_dict(self) -> dict[str, Any]:
        """Dictionaries, lists and numbers."""
        return {
            "edges": [
                edge._asdict() | {"answers": {k: a._asdict() for k, a in edge.answers.items()}}
                for edge in self.edges
            ],
            "timings": [_timing_dict(timing) for timing in self.timings],
            "searches": [_timing_dict(timing) for timing in self.searches],
            "environment": dict(self.environment),
            "versions": dict(self.versions),
        }


def _edge_cells(edges: tuple[Edge, ...]) -> list[list[str]]:
    names = list(dict.fromkeys(name for edge in edges for name in edge.answers))
    rows = [["edge case", "right", *names]]
    for edge in edges:
        answers = [edge.answers.get(name, Answer("", True)) for name in names]
        shown = [answer.text if answer.right else f"! {answer.text}" for answer in answers]
        rows.append([edge.case, edge.truth, *shown])
    return rows


def _timing_cells(
    timings: tuple[Timing, ...],
    what: str = "library",
    time: str = "step",
    over: str = "over hand-written",
) -> list[list[str]]:
    """A header and a line for each timing, less the columns that hold nothing."""
    rows = [[what, time, over, "compile", over, "note"]]
    for t in timings:
        figures = _time(t.seconds), _ratio(t.step), _time(t.compile_seconds), _ratio(t.compile)
        rows.append([t.name, *figures, t.note])
    used = [any(column) for column in zip(*rows[1:], strict=True)]
    return [[cell for cell, shown in zip(row, used, strict=True) if shown] for row in rows]


def _time(seconds: float | None) -> str:
    return "" if seconds is None else units.seconds(seconds)


def _ratio(ratio: Ratio | None) -> str:
    return "" if ratio is None else f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def _timing_dict(timing: Timing) -> dict[str, Any]:
    ratios = {"step": timing.step, "compile": timing.compile}
    return timing._asdict() | {
        name: asdict(ratio) if ratio else None for name, ratio in ratios.items()
    }
