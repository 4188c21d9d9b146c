"""The result of a comparison with other libraries: printed as tables, or plain values for JSON."""

import html
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .._equality import equal_by_fields
from ..instrument import units
from ..instrument.intervals import LEVEL
from ..instrument.statistics import Ratio
from ..instrument.text import aligned

_WRONG = "! is wrong; a blank: the library has no such function"
_RATIOS = f"Ratios are medians over interleaved rounds ({LEVEL}); lower is better."
_SPARSE = "sparse: CSR of gradwise, BCOO of asdex; what is wrong is not timed"
#: A ratio depends on how many cores the programs could use: the tables name these figures.
_MACHINE = ("cores", "load")


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a library returned for a question about an edge case.

    Attributes:
        text: The value, or the name of the exception.
        right: Whether it is what was expected.

    Example:
        >>> Answer(text="NaN", right=True)
        Answer(text='NaN', right=True)
    """

    text: str
    right: bool


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Edge:
    """An edge case: a question, what is right, and the answers of the libraries.

    Attributes:
        question: What was asked, in words.
        expected: What is right, in words.
        answers: The answers by the library's name, of the libraries that offer the function.

    Example:
        >>> answers = {"ours": Answer(text="NaN", right=True)}
        >>> Edge(question="binary label 2", expected="NaN", answers=answers)
        Edge(binary label 2: 1 of 1 right)
    """

    question: str
    expected: str
    answers: Mapping[str, Answer]

    def __repr__(self) -> str:
        right = sum(answer.right for answer in self.answers.values())
        return f"Edge({self.question}: {right} of {len(self.answers)} right)"


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Timing:
    """The time of one library, or of one way to search, and its ratio to the base of its table.

    The base of training steps is the hand-written one, that of searches the trainings one by one.

    Attributes:
        name: The library, or the way to search.
        note: Why there is no time, if there is none.
        seconds: Median wall seconds.
        ratio: The time over that of the base, within the same rounds.
        compile_seconds: Median wall seconds from the Python function to the executable.
        compile_ratio: The compile time over that of the base.

    Example:
        >>> Timing(name="equinox", seconds=0.002), Timing(name="flax", note="not installed: flax")
        (Timing(equinox: 2 ms), Timing(flax: not installed: flax))
    """

    name: str
    note: str = ""
    seconds: float | None = None
    ratio: Ratio | None = None
    compile_seconds: float | None = None
    compile_ratio: Ratio | None = None

    def __repr__(self) -> str:
        return f"Timing({self.name}: {_time_text(self.seconds) or self.note})"


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class SparseTiming:
    """A function's Jacobian by its sparsity, in one library.

    Attributes:
        function: What is differentiated, in words.
        library: Whose it is.
        passes: How many products of the function it takes.
        error: The largest error of any entry, over the largest entry of JAX's own.
        dense: Median seconds of a call that returns an array; `None` for what is wrong.
        dense_ratio: The time over gradwise's, within the same rounds.
        sparse: Median seconds of a call that returns the library's sparse form.
        sparse_ratio: The time over gradwise's, within the same rounds.
        note: Why there is no time, if there is none.

    Example:
        >>> SparseTiming(function="stencil", library="asdex", passes=3, dense=2e-4)
        SparseTiming(stencil, asdex: 3 passes)
    """

    function: str
    library: str
    passes: int | None = None
    error: float | None = None
    dense: float | None = None
    dense_ratio: Ratio | None = None
    sparse: float | None = None
    sparse_ratio: Ratio | None = None
    note: str = ""

    def __repr__(self) -> str:
        return f"SparseTiming({self.function}, {self.library}: {self.note or self._passes()})"

    def _passes(self) -> str:
        return f"{self.passes} passes"


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Result:
    """Edge cases and timings of several libraries, and where they were taken.

    `print(result)` shows the tables; in a notebook the last line of a cell does.

    Attributes:
        edges: The edge cases with everybody's answers.
        timings: The time of a training step, a library each.
        environment: Versions, device, cores, load and flags.
        versions: The versions of the libraries, by distribution.
        searches: The time of a search over a grid, a way each.
        sparse: Jacobians by their sparsity, of each function in each library.

    Example:
        >>> ours, theirs = Answer(text="NaN", right=True), Answer(text="0.5", right=False)
        >>> answers = {"ours": ours, "theirs": theirs}
        >>> edge = Edge(question="label -1", expected="NaN", answers=answers)
        >>> result = Result(edges=(edge,), timings=(Timing(name="theirs", note="no flax"),))
        >>> result
        Result(1 edge cases, 1 timings, 0 searches)
        >>> print(result)
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

    edges: tuple[Edge, ...] = ()
    timings: tuple[Timing, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    searches: tuple[Timing, ...] = ()
    sparse: tuple[SparseTiming, ...] = ()

    def __repr__(self) -> str:
        counts = f"{len(self.timings)} timings, {len(self.searches)} searches"
        return f"Result({len(self.edges)} edge cases, {counts})"

    def __str__(self) -> str:
        sections = []
        if self.edges:
            sections.append("\n".join([*aligned(_edge_cells(self.edges)), _WRONG]))
        if self.timings:
            sections.append("\n".join([*aligned(_timing_cells(self.timings)), _RATIOS]))
        if self.searches:
            titles = "search", "time", "over one by one"
            sections.append("\n".join(aligned(_timing_cells(self.searches, *titles))))
        if self.sparse:
            sections.append("\n".join([*aligned(_sparse_cells(self.sparse)), _SPARSE]))
        where = [f"{name} {number}" for name, number in self.versions.items()]
        where += [
            f"{name} {self.environment[name]}" for name in _MACHINE if name in self.environment
        ]
        sections += [", ".join(where)] if where else []
        return "\n\n".join(sections)

    def _repr_html_(self) -> str:
        return f"<pre style='font-family: monospace'>{html.escape(str(self))}</pre>"

    def to_dict(self) -> dict[str, Any]:
        """Return the result as dictionaries, lists, texts and numbers, as JSON takes them.

        Example:
            >>> Result(timings=(Timing(name="flax", note="not installed"),)).to_dict()["timings"]
            [{'name': 'flax', 'note': 'not installed', 'seconds': None, ...}]
        """
        return {
            "edges": [
                {
                    "question": edge.question,
                    "expected": edge.expected,
                    "answers": {name: asdict(answer) for name, answer in edge.answers.items()},
                }
                for edge in self.edges
            ],
            "timings": [asdict(timing) for timing in self.timings],
            "searches": [asdict(timing) for timing in self.searches],
            "sparse": [asdict(timing) for timing in self.sparse],
            "environment": dict(self.environment),
            "versions": dict(self.versions),
        }


def _edge_cells(edges: tuple[Edge, ...]) -> list[list[str]]:
    names = list(dict.fromkeys(name for edge in edges for name in edge.answers))
    lines = [["edge case", "right", *names]]
    blank = Answer(text="", right=True)
    for edge in edges:
        answers = [edge.answers.get(name, blank) for name in names]
        cells = [answer.text if answer.right else f"! {answer.text}" for answer in answers]
        lines.append([edge.question, edge.expected, *cells])
    return lines


def _timing_cells(
    timings: tuple[Timing, ...],
    who: str = "library",
    time: str = "step",
    over: str = "over hand-written",
) -> list[list[str]]:
    """Return a header and a line for each timing, without the columns in which no line has text."""
    lines = [[who, time, over, "compile", over, "note"]]
    for timing in timings:
        step = _time_text(timing.seconds), _ratio_text(timing.ratio)
        compilation = _time_text(timing.compile_seconds), _ratio_text(timing.compile_ratio)
        lines.append([timing.name, *step, *compilation, timing.note])
    return _with_text(lines)


def _with_text(lines: list[list[str]]) -> list[list[str]]:
    """Leave out the columns that are empty below their titles."""
    has_text = [any(column) for column in zip(*lines[1:], strict=True)]
    return [[cell for cell, shown in zip(line, has_text, strict=True) if shown] for line in lines]


def _sparse_cells(timings: tuple[SparseTiming, ...]) -> list[list[str]]:
    """Return a header and a line for each Jacobian in each library."""
    titles = ["Jacobian", "library", "passes", "error", "dense", "over ours", "sparse", "over ours"]
    lines = [[*titles, "note"]]
    for one in timings:
        error = "" if one.error is None else f"{one.error:.1e}"
        times = _time_text(one.dense), _ratio_text(one.dense_ratio)
        times += _time_text(one.sparse), _ratio_text(one.sparse_ratio)
        passes = "" if one.passes is None else f"{one.passes:,}"
        lines.append([one.function, one.library, passes, error, *times, one.note])
    return _with_text(lines)


def _time_text(seconds: float | None) -> str:
    return "" if seconds is None else units.seconds(seconds)


def _ratio_text(ratio: Ratio | None) -> str:
    if ratio is None:
        return ""
    ends = "{:.2f} to {:.2f}".format(*ratio.interval) if ratio.interval else ratio.spread
    return f"{ratio.median:.2f} ({ends})"
