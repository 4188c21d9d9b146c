"""The fastest method: by wall time, on a busy machine by CPU time, or it cannot be told."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ..instrument import units
from ..instrument.statistics import Ratio, contention, ratio
from .findings import Finding
from .plainest import plainest, plainest_first, told_equals
from .row import Row
from .unmeasured import without_any, without_rival

#: Wall over CPU time from which a program is said to have waited for a busy machine.
BUSY = 1.3
#: How the note of a row begins whose calls waited so long.
WAITED = "waited for a busy machine"
#: Rows within this many dispatch floors measure the call more than the work.
NEAR_FLOOR = 3.0
#: Processes for each core from which a busy host may have held up an accelerator.
_CROWDED = 2.0
#: CPU time that is taken on a busy machine differs by this much at least.
_BUSY_MARGIN = 0.1
#: Rows up to this many times the least possible time may turn out to be the fastest.
_IN_QUESTION = 1.5
#: From few samples, medians within this of each other are a tie and no open question.
_EQUAL_FROM_FEW = 1.1


class Machine(NamedTuple):
    """What decides how far times can be trusted.

    Attributes:
        floor: Seconds of a call that does nothing.
        cpu_counts: Whether a program's CPU time is its work: on an accelerator the CPU waits.
        load: Processes that want to run, for each core; `None` where nobody tells.
    """

    floor: float = 0.0
    cpu_counts: bool = True
    load: float | None = None


def machine_of(floor: float, environment: Mapping[str, Any]) -> Machine:
    """Return what is known of the machine.

    Args:
        floor: Seconds of a call that does nothing.
        environment: What `benchmarks.instrument.environment` tells.
    """
    load, cores = environment.get("load"), environment.get("cores")
    return Machine(
        floor=floor,
        cpu_counts=environment.get("platform") == "cpu",
        load=load / cores if load is not None and cores else None,
    )


def fastest(
    rivals: Sequence[Row], rows: Sequence[Row], machine: Machine, *, n: int, m: int
) -> Finding:
    """Name the fastest of the rivals, or say why it cannot be told.

    Methods of one mode that tie are one answer, the plainest of them. Between modes a winner is
    named only if the samples show the difference; near the dispatch floor, and on a busy machine,
    only if CPU time shows it too.

    Args:
        rivals: The rows to choose from: right, exact, timed, and of one kind.
        rows: All rows of the comparison, to say what the rivals were not compared with.
        machine: What the times were taken on.
        n: How many inputs there are.
        m: How many outputs there are.
    """
    if not rivals:
        return Finding(text=without_any(rows))
    race = _Race(rivals, machine)
    best = min(rivals, key=race.seconds)
    unsure = [row for row in rivals if row is best or not race.is_slower(row, best)]
    answer = next(row for row in unsure if row.mode == best.mode)
    equals = [row for row in unsure if row.mode != best.mode]
    if equals:
        first, others = plainest_first(answer, equals, n, m)
        take = plainest([answer, *equals], n, m).method
        return replace(race.undecided(first, others), take=take)
    rest = [row for row in rivals if row not in unsure]
    others = [row for row in rest if row.mode != best.mode]
    if not others and (finding := without_rival(answer, rows)):
        return race.marked(finding)
    if not rest:
        return Finding(method=answer.method, text=f"{answer.method}, with nothing to beat")
    return race.won(answer, min(others or rest, key=race.seconds))


class _Race:
    """The rivals, and the clock that they are compared by."""

    def __init__(self, rivals: Sequence[Row], machine: Machine) -> None:
        self.machine = machine
        self.waited = _waited(rivals) if machine.cpu_counts else 1.0
        self.crowded = not machine.cpu_counts and (machine.load or 0.0) > _CROWDED
        self.busy = self.waited > BUSY or self.crowded
        self.by = "cpu" if self.waited > BUSY else "wall"

    def seconds(self, row: Row) -> float:
        return (row.cpu_seconds if self.by == "cpu" else row.seconds) or 0.0

    def is_slower(self, row: Row, best: Row) -> bool:
        """Whether the samples show that a row takes longer than the best one."""
        wall = _ratio(row, best, "wall")
        if self.crowded:
            return False
        if self.busy:
            cpu = _ratio(row, best, "cpu")
            least = cpu.interval[0] if cpu.interval else cpu.least
            return not cpu.tie and least > 1 + _BUSY_MARGIN and wall.median > 1
        if self._near_floor(row, best):
            cpu = _ratio(row, best, "cpu")
            return self.machine.cpu_counts and not (wall.tie or cpu.tie) and cpu.median > 1
        return not wall.tie

    def _near_floor(self, *rows: Row) -> bool:
        return all((row.seconds or 0.0) < NEAR_FLOOR * self.machine.floor for row in rows)

    def undecided(self, answer: Row, equals: Sequence[Row]) -> Finding:
        """Say that no difference between two modes was shown, and why."""
        names = told_equals(equals)
        over, cannot = equals[0].method, f"cannot tell {answer.method} from {names}"
        if self.busy:
            text = (
                f"{cannot}: the machine was busy ({self._how_busy()}); try again when it is quiet"
            )
            return Finding(over=over, doubt="busy", text=text)
        against = _ratio(equals[0], answer, "wall")
        if against.interval is None and against.median > _EQUAL_FROM_FEW:
            text = f"{cannot} by {against.spread}: give it more seconds of measuring"
            return Finding(over=over, doubt="few samples", text=text)
        text = f"a tie between {answer.method} and {names}"
        if self._near_floor(answer, *equals):
            floor = units.seconds(self.machine.floor)
            text += f": all within {NEAR_FLOOR:g} times a call that does nothing ({floor})"
        return Finding(method="tie", factor=1.0, over=over, text=text)

    def won(self, answer: Row, over: Row) -> Finding:
        """Say by how much the answer is faster than the best of another mode, or the next best."""
        against = _ratio(over, answer, self.by)
        text = (
            f"{answer.method}: {units.times(against.median)} times faster than {over.method} "
            f"({against.spread})"
        )
        if self.busy:
            text += f" by CPU time: the machine was busy ({self._how_busy()})"
        return Finding(
            method=answer.method,
            factor=against.median,
            over=over.method,
            confidence=1 - against.below,
            doubt="busy, by CPU time" if self.busy else "",
            text=text,
        )

    def marked(self, finding: Finding) -> Finding:
        """Say of what is told without a second time that the machine was busy, if it was."""
        if not self.busy:
            return finding
        text = f"{finding.text}; the machine was busy ({self._how_busy()})"
        return replace(finding, doubt="busy", text=text)

    def _how_busy(self) -> str:
        if self.crowded:
            return f"{self.machine.load:.2g} processes for each core"
        return f"calls took up to {self.waited:.2g} times their CPU time"


def _ratio(row: Row, base: Row, by: str) -> Ratio:
    assert row.samples is not None
    assert base.samples is not None
    return ratio(row.samples, base.samples, by=by)


def _waited(rivals: Sequence[Row]) -> float:
    """Return how long the rows that decide took, over their CPU time."""
    possible = {
        row.method: min(row.seconds or 0.0, row.cpu_seconds or row.seconds or 0.0) for row in rivals
    }
    limit = _IN_QUESTION * min(possible.values())
    best_of_mode = {}
    for row in sorted(rivals, key=lambda row: possible[row.method]):
        best_of_mode.setdefault(row.mode, row)
    deciding = [
        row for row in rivals if possible[row.method] <= limit or row is best_of_mode[row.mode]
    ]
    return max(contention(row.samples) for row in deciding if row.samples is not None)
