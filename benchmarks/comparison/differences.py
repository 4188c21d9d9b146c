"""What two runs differ in: as text for a terminal, and as Markdown for a pull request."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .._equality import equal_by_fields
from ..instrument.intervals import LEVEL
from ..instrument.text import filled, html_pairs, in_markdown, markdown_table
from .difference import BY_CPU, JUDGEMENTS, UNJUDGED, Difference, Side

_WIDTH = 80
_LEGEND = (
    f"new / old with its {LEVEL}; x: times the function's own time, by which a derivative is "
    "judged; the function itself is judged by its time"
)


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Differences:
    """What two runs differ in: `print` shows what changed, `markdown` is for a pull request.

    Attributes:
        rows: What became of each row, in the order of the new run.
        old: The run that is compared with.
        new: The run that is judged.
        made_by: What differs in how the two were made, a text each: versions, machine, options.

    Example:
        >>> from gradwise import Difference, Differences, Side
        >>> broken = Difference(scenario="sine", method="reverse", conclusion="broken")
        >>> found = Differences(rows=(broken,), old=Side(name="a.json"), new=Side(name="b.json"))
        >>> print(found)
        old  a.json
        new  b.json
        broken
          sine
            reverse
        1 broken
        >>> found.regression
        True
    """

    rows: tuple[Difference, ...]
    old: Side
    new: Side
    made_by: tuple[str, ...] = ()

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (dictionaries have no hash)

    @property
    def regression(self) -> bool:
        """Whether any row is worse than it was."""
        return any(row.regression for row in self.rows)

    @property
    def total(self) -> str:
        """How many rows there are of each conclusion, the most urgent first."""
        counts = Counter(row.conclusion for row in self.rows)
        return ", ".join(
            f"{counts[word]} {word}" for word in (*JUDGEMENTS, *UNJUDGED) if counts[word]
        )

    @property
    def unjudged(self) -> list[str]:
        """What is not judged, in a text for each conclusion and reason that functions share."""
        groups: dict[tuple[str, str, str], list[str]] = {}
        for row in self.of(*UNJUDGED):
            groups.setdefault((row.conclusion, row.scenario, row.note), []).append(row.method)
        alike: dict[tuple[str, str, str], list[str]] = {}
        for (word, scenario, note), methods in groups.items():
            alike.setdefault((word, note, ", ".join(methods)), []).append(scenario)
        texts = []
        for (word, note, methods), scenarios in alike.items():
            colon = note or len(scenarios) > 1
            who = ", ".join([*scenarios, *([note] if note else [])])
            texts.append(f"{word}: {who}{':' if colon else ','} {methods}")
        return texts

    def of(self, *conclusions: str) -> list[Difference]:
        """Return the rows of some conclusions, in their order.

        Example:
            >>> from gradwise import Difference, Differences, Side
            >>> new = Difference(scenario="sine", method="reverse", conclusion="new")
            >>> found = Differences(rows=(new,), old=Side(name="a.json"), new=Side(name="b.json"))
            >>> found.of("same"), len(found.of("same", "new"))
            ([], 1)
        """
        return [row for word in conclusions for row in self.rows if row.conclusion == word]

    def markdown(self) -> str:
        """Return a comment for a pull request: what changed first, what did not folded away.

        Example:
            >>> from gradwise import Difference, Differences, Side
            >>> broken = Difference(scenario="sine", method="reverse", conclusion="broken")
            >>> found = Differences(rows=(broken,), old=Side(name="a"), new=Side(name="b"))
            >>> print(found.markdown().splitlines()[0])
            ## Derivatives: 1 broken
        """
        judged, same = self.of(*JUDGEMENTS[:-1]), self.of("same")
        lines = [f"## Derivatives: {self.total}", ""]
        lines += [*_markdown_rows(judged), ""] if judged else []
        lines += [f"* {in_markdown(text)}" for text in self.unjudged]
        lines += ["", *markdown_table(_sides(self), left=(0, 1, 2)), ""]
        lines += [f"Made differently: {in_markdown('; '.join(self.made_by))}.", ""] * bool(
            self.made_by
        )
        if same:
            lines += [f"<details><summary>{len(same)} unchanged</summary>", ""]
            lines += [*_markdown_rows(same), "", "</details>", ""]
        return "\n".join([*lines, f"{_LEGEND[0].upper()}{_LEGEND[1:]}.", ""])

    def __iter__(self) -> Iterator[Difference]:
        return iter(self.rows)

    def __str__(self) -> str:
        lines = [filled(text, " " * 5, _WIDTH) for text in _heading(self)]
        for word in JUDGEMENTS[:-1]:
            lines += _section(word, self.of(word))
        lines += [filled(text, "  ", _WIDTH) for text in self.unjudged]
        shown = self.of(*JUDGEMENTS[:-1])
        lines += [filled(_LEGEND, "", _WIDTH)] if any(row.change for row in shown) else []
        lines += [f"CPU: judged {BY_CPU}"] if any(row.clock == "CPU" for row in shown) else []
        return "\n".join([*lines, self.total])

    def __repr__(self) -> str:
        return f"Differences({self.total})"

    def _repr_html_(self) -> str:
        rows = [(f"{r.scenario} {r.method}", f"{r.conclusion} {r.change}") for r in self.rows]
        return html_pairs([("old", self.old), ("new", self.new), *rows])


def _heading(found: Differences) -> list[str]:
    """Say what the two runs were; what is true of both is said once."""
    old, new = found.old, found.new
    where, other = (
        "; ".join(part for part in (side.software, side.machine) if part) for side in (old, new)
    )
    lines = [f"old  {old}" + (f"; {where}" if where != other else "")]
    lines += [f"new  {new}" + (f"; {other}" if where != other else "")]
    lines += [f"both {where}"] if where and where == other else []
    lines += [f"made differently: {'; '.join(found.made_by)}"] if found.made_by else []
    return lines


def _section(word: str, rows: Sequence[Difference]) -> list[str]:
    """Return the rows of one conclusion under the names of their functions."""
    lines = [word] if rows else []
    width = max((len(row.method) for row in rows), default=0)
    for scenario in dict.fromkeys(row.scenario for row in rows):
        lines.append(f"  {scenario}")
        for row in (row for row in rows if row.scenario == scenario):
            old, new = row.figures
            arrow = f"{old or '?'} -> {new or '?'}" if old or new else ""
            clock = "  CPU" if row.clock == "CPU" else ""
            lines.append(f"    {row.method:<{width}}  {arrow:<20}  {row.change}{clock}".rstrip())
            lines += [filled(f"      {row.note}", " " * 6, _WIDTH)] if row.note else []
    return lines


def _markdown_rows(rows: Sequence[Difference]) -> list[str]:
    header = ["", "function", "derivative", "old", "new", f"new / old, {LEVEL}", "why"]
    cells = [
        [
            f"**{row.conclusion}**" if row.regression else row.conclusion,
            row.scenario,
            row.method,
            *row.figures,
            row.change,
            row.remark,
        ]
        for row in rows
    ]
    return markdown_table([header, *cells], left=(0, 1, 2, 6))


def _sides(found: Differences) -> list[list[str]]:
    """Return what the two runs were as a table."""
    sides = (found.old, found.new)
    pairs = [
        ("made", [side.time for side in sides]),
        ("machine", [side.machine for side in sides]),
        ("versions", [side.software for side in sides]),
        ("busy", [side.busy for side in sides]),
    ]
    lines = [[name, *cells] for name, cells in pairs if any(cells)]
    return [["", *(side.name for side in sides)], *lines]
