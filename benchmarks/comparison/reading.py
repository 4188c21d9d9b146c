"""What a function's program tells before it is run: what stands in the way, and what is kept."""

from collections.abc import Collection
from typing import NamedTuple

from ..derivatives.problem import Problem
from ..instrument import units
from ..program.messages import Obstacle, guarded
from ..program.obstacles import MODES, obstacles
from ..program.residuals import by_line, residuals

#: Source lines of residuals that a comparison names.
_MOST_LINES = 5


class Reading(NamedTuple):
    """What the program of a problem tells.

    Attributes:
        stops: What stands in the way of a mode.
        kept: Bytes that reverse mode keeps beside the function's own arrays.
        lines: The same in words: in all, and by source line.
        notes: What gradwise could not find out.
    """

    stops: dict[str, Obstacle]
    kept: int
    lines: tuple[str, ...]
    notes: tuple[str, ...]


def read_program(problem: Problem, modes: Collection[str] = MODES) -> Reading:
    """Read the program of a problem for what it says of some modes.

    Example:
        >>> import jax.numpy as jnp
        >>> from benchmarks.derivatives.problem import make_problem
        >>> read_program(make_problem(jnp.sin, (jnp.ones(3),))).kept
        12
    """
    stops, fault = find_stops(problem, modes)
    if "reverse" in stops:
        return Reading(stops, 0, (), (fault,) if fault else ())

    def work() -> dict[str, int]:
        return by_line(residuals(problem.fn, problem.x, problem.fixed, argnums=0))

    lines, other = guarded("find out what reverse mode keeps", work, None)
    notes = tuple(note for note in (fault, other) if note)
    if lines is None:
        return Reading(stops, 0, (), notes)
    kept = sum(lines.values())
    largest = sorted(lines, key=lambda line: -lines[line])[:_MOST_LINES]
    told = [
        f"{units.size(lines[line])} {f'at {line}' if line else 'without a source line'}"
        for line in largest
    ]
    return Reading(stops, kept, (f"{units.size(kept)} in all", *told), notes)


def find_stops(problem: Problem, modes: Collection[str]) -> tuple[dict[str, Obstacle], str]:
    """Find what stands in the way of each mode, and say so if the search itself fails.

    What is held fixed is as unknown to the search as to the compiled program.
    """
    return guarded(
        "look for obstacles",
        lambda: obstacles(problem.fn, problem.x, problem.fixed, argnums=0, modes=modes),
        {},
    )
