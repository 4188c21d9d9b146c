"""What it costs to choose a way without having measured all of them: the record, and its table.

The regret of a choice is its time over that of the best way there is; 1 is perfect.
"""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..._equality import equal_by_fields
from ..._record_file import save_record
from ...instrument import units
from ...instrument.text import aligned, filled, fitted, terminal_width

#: Who chooses, ours first: after measuring the cheapest three, and by counts of operations alone.
MEASURED, MODEL = "measured", "model"
#: The kind of the record in a file.
KIND = "regrets"
#: What a regret may be: the geometric mean over functions, and the worst.
GOALS = {MEASURED: (1.05, 1.5), MODEL: (1.3, 3.0)}
#: The columns that a narrow table goes without, the most dispensable first, and the least width.
_SPARE = ("out", "in", "gradwise takes", "time", "fewest colours", "CasADi", "lineax", "by size")
_NARROWEST = 40


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Regret:
    """The ways to take one function's derivative, timed in turns, and what everybody would take.

    Attributes:
        name: The function's name.
        n: How many numbers are differentiated.
        m: How many numbers the outputs hold.
        seconds: Median seconds of each way that is right, the cheapest by the model first.
        costs: What the model says that each costs, in operations.
        picks: Which way each chooser takes.
        regrets: The time of what each takes over that of the best, within the same rounds.
        wrong: The ways that did not pass their check, which nobody may take.
        notes: What makes the choice or the times doubtful.
        doubtful: Whether the choice after measuring was made without times, since the machine was
            busy: then it is that of the model.

    Example:
        >>> Regret(
        ...     name="stencil",
        ...     n=9,
        ...     m=7,
        ...     seconds={"coloured (forward, 3)": 1e-6, "reverse": 5e-6},
        ...     picks={"model": "reverse"},
        ...     regrets={"model": 5.0},
        ... )
        Regret(stencil: coloured (forward, 3) is best)
    """

    name: str
    n: int
    m: int
    seconds: Mapping[str, float]
    picks: Mapping[str, str]
    regrets: Mapping[str, float]
    costs: Mapping[str, float] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    doubtful: bool = False

    @property
    def best(self) -> str:
        """The way of the least median time."""
        return min(self.seconds, key=lambda way: self.seconds[way])

    def __repr__(self) -> str:
        return f"Regret({self.name}: {self.best} is best)"


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Regrets:
    """The regrets of many functions; `print(regrets)` shows them, with means and the worst.

    Attributes:
        functions: A regret each.
        environment: Versions, device, cores and load.

    Example:
        >>> one = Regret(name="a/b", n=1, m=1, seconds={"forward": 1.0}, picks={}, regrets={})
        >>> Regrets(functions=(one,))
        Regrets(1 functions)
    """

    functions: tuple[Regret, ...]
    environment: Mapping[str, object] = field(default_factory=dict)

    def groups(self) -> dict[str, tuple[Regret, ...]]:
        """Return the functions by what their names begin with, and all of them, `"all"`.

        Example:
            >>> named = [
            ...     Regret(name=name, n=1, m=1, seconds={"forward": 1.0}, picks={}, regrets={})
            ...     for name in ("known/a", "held_out/b")
            ... ]
            >>> list(Regrets(functions=tuple(named)).groups())
            ['known', 'held_out', 'all']
        """
        stems = dict.fromkeys(_stem(one.name) for one in self.functions)
        several = {s: tuple(o for o in self.functions if _stem(o.name) == s) for s in stems if s}
        return several | {"all": self.functions}

    def save(self, path: str | Path) -> None:
        """Write them as JSON, all times and costs included."""
        save_record(path, KIND, self)

    def __repr__(self) -> str:
        return f"Regrets({len(self.functions)} functions)"

    def _repr_html_(self) -> str:
        return f"<pre style='font-family: monospace'>{html.escape(str(self))}</pre>"

    def __str__(self) -> str:
        width = max(terminal_width(), _NARROWEST)
        table = fitted(_cells(self), width, spare=_SPARE).lines
        said = [filled(line, "  ", width) for line in _said(self)]
        return "\n".join([*table, "", *aligned(_foot(self)), "", *said])


def mean_and_worst(functions: Sequence[Regret], chooser: str) -> tuple[float, float] | None:
    """Return the geometric mean and the worst of a chooser's regrets, `None` without any.

    Example:
        >>> one, four = (
        ...     Regret(name="", n=1, m=1, seconds={}, picks={}, regrets={"model": value})
        ...     for value in (1.0, 4.0)
        ... )
        >>> mean_and_worst([one, four], "model")
        (2.0, 4.0)
    """
    found = [one.regrets[chooser] for one in functions if chooser in one.regrets]
    if not found:
        return None
    return math.exp(sum(map(math.log, found)) / len(found)), max(found)


def _stem(name: str) -> str:
    return name.rpartition("/")[0].rpartition("/")[2]


def _choosers(regrets: Regrets) -> list[str]:
    return list(dict.fromkeys(who for one in regrets.functions for who in one.regrets))


def _cells(regrets: Regrets) -> list[list[str]]:
    """Return a header and a line for each function: the best way, and what each would take."""
    choosers = _choosers(regrets)
    lines = [["function", "in", "out", "best way", "time", "gradwise takes", *choosers]]
    for one in regrets.functions:
        taken = one.picks.get(MEASURED, "")
        what = "the same" if taken == one.best else taken
        figures = [_figure(one.regrets.get(who)) for who in choosers]
        figures = [
            f"{figure}?" if one.doubtful and who == MEASURED else figure
            for who, figure in zip(choosers, figures, strict=True)
        ]
        sizes = [f"{one.n:,}", f"{one.m:,}"]
        time = units.seconds(one.seconds[one.best])
        lines.append([_short(one.name), *sizes, one.best, time, what, *figures])
    return lines


def _short(name: str) -> str:
    return "/".join(name.split("/")[-2:])


def _figure(regret: float | None) -> str:
    return "" if regret is None else f"{regret:.2f}" if regret < 99.5 else f"{regret:,.0f}"


def _foot(regrets: Regrets) -> list[list[str]]:
    choosers = _choosers(regrets)
    lines = [["regret", "", *choosers]]
    for group, functions in regrets.groups().items():
        both = [mean_and_worst(functions, who) or (math.nan, math.nan) for who in choosers]
        lines.append([f"{group} ({len(functions)})", "mean", *(_figure(mean) for mean, _ in both)])
        lines.append(["", "worst", *(_figure(worst) for _, worst in both)])
    return lines


def _said(regrets: Regrets) -> list[str]:
    """Say what the figures are, whether the goals are met, and what is doubtful."""
    lines = [
        "Regret: the time of what is chosen over that of the best way; means are geometric.",
        "measured: gradwise.jacobian; model: with measure=False; the others are rules of thumb.",
    ]
    sure = [one for one in regrets.functions if not one.doubtful]
    if len(sure) < len(regrets.functions):
        lines.append("?: the machine was busy, and so what the model says was taken.")
    for who, (mean, worst) in GOALS.items():
        over = sure if who == MEASURED else regrets.functions
        found = mean_and_worst(over, who)
        if found:
            met = "met" if found[0] <= mean and found[1] <= worst else "not met"
            goal = f"{who}: at most {mean} in the mean and {worst} at worst is {met}"
            figures = " and ".join(map(_figure, found))
            lines.append(f"{goal} over {units.counted(len(over), 'function')}: {figures}")
    for one in regrets.functions:
        lines += [f"{_short(one.name)}: {way} is wrong and was not timed" for way in one.wrong]
    notes = [note for one in regrets.functions for note in one.notes]
    lines += [
        f"{note} ({notes.count(note)} of {len(regrets.functions)} functions)"
        for note in dict.fromkeys(notes)
    ]
    return lines
