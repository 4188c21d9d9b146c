"""What a function's program tells before it is run: what stands in the way, and what is kept."""

from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

from ..derivatives.problem import Problem
from ..instrument import units
from ..program.jaxpr import trace
from ..program.messages import Obstacle, guarded
from ..program.obstacles import MODES, obstacles
from ..program.patterns import Advice, find_advice
from ..program.residuals import by_line, residuals
from ..program.source import package_of

#: The pattern of a loop that has no reverse mode, and needs none.
_SOLVES = "implicit solve"
#: Source lines of residuals that a comparison names.
_MOST_LINES = 5


class Reading(NamedTuple):
    """What the program of a problem tells.

    Attributes:
        stops: What stands in the way of a mode.
        kept: Bytes that reverse mode keeps beside the function's own arrays.
        lines: The same in words: in all, and by source line.
        notes: What gradwise could not find out.
        advice: What has a known cure.
    """

    stops: dict[str, Obstacle]
    kept: int
    lines: tuple[str, ...]
    notes: tuple[str, ...]
    advice: tuple[Advice, ...] = ()


def read_program(problem: Problem, modes: Collection[str] = MODES) -> Reading:
    """Read the program of a problem for what it says of some modes.

    Example:
        >>> import jax.numpy as jnp
        >>> from benchmarks.derivatives.problem import make_problem
        >>> read_program(make_problem(jnp.sin, (jnp.ones(3),))).kept
        12
    """
    stops, fault = find_stops(problem, modes)
    advice, unread = guarded("look for what has a known cure", lambda: _advice(problem), ())
    stops = _in_one_voice(stops, advice)
    if "reverse" in stops:
        notes = tuple(note for note in (fault, unread) if note)
        return Reading(stops, 0, (), notes, advice)

    def work() -> dict[str, int]:
        return by_line(residuals(problem.fn, problem.x, problem.fixed, argnums=0))

    lines, other = guarded("find out what reverse mode keeps", work, None)
    notes = tuple(note for note in (fault, unread, other) if note)
    if lines is None:
        return Reading(stops, 0, (), notes, advice)
    kept = sum(lines.values())
    largest = sorted(lines, key=lambda line: -lines[line])[:_MOST_LINES]
    told = [
        f"{units.size(lines[line])} {f'at {line}' if line else 'without a source line'}"
        for line in largest
    ]
    return Reading(stops, kept, (f"{units.size(kept)} in all", *told), notes, advice)


def _advice(problem: Problem) -> tuple[Advice, ...]:
    """Find what has a known cure in the program of a problem."""
    program = trace(problem.fn, problem.x, problem.fixed)
    return find_advice(program, [True] * len(problem.x) + [False] * len(problem.fixed))


def _in_one_voice(stops: dict[str, Obstacle], advice: Collection[Advice]) -> dict[str, Obstacle]:
    """Return what stands in the way, a loop that there is advice on with the cure of that advice.

    What the library of its line offers stays.
    """
    cures = {_place(one.line): one.cure for one in advice if one.pattern == _SOLVES}

    def told(stop: Obstacle) -> Obstacle:
        cure = cures.get(_place(stop.source))
        if cure is None or package_of(stop.source):
            return stop
        used = cure.rpartition(" by ")[2]
        return replace(stop, instead=f"{used}, as advised; forward mode works")

    return {mode: told(stop) for mode, stop in stops.items()}


def _place(line: str) -> str:
    """Return a line without the function that it is in, whose name has a longer form too."""
    return line.partition(" (")[0]


def find_stops(problem: Problem, modes: Collection[str]) -> tuple[dict[str, Obstacle], str]:
    """Find what stands in the way of each mode, and say so if the search itself fails.

    What is held fixed is as unknown to the search as to the compiled program.
    """
    return guarded(
        "look for obstacles",
        lambda: obstacles(problem.fn, problem.x, problem.fixed, argnums=0, modes=modes),
        {},
    )
