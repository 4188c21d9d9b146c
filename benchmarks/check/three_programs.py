"""The function, its push forward and its pull back as programs that know whose equations are whose.

Each equation carries the number of the user's equation that it is, or is the rule of.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn, jaxpr_as_fun

from ..derivatives.method import GaveUpError, Probe
from ..derivatives.problem import Leaves, Problem
from ..program.jaxpr import Program, bodies, called, opened, trace
from ..program.labels import label_of, labelled, scopes_of
from ..program.wide_values import wide
from ..program.widening import widened
from .both import LOST
from .directions import Pace
from .error import relative_error
from .float64 import as_function, checking, own_program, run_in_float64
from .judge import FLOAT64_EPS
from .noise import MARGIN, terms

#: What is looked at, in this order.
PARTS = ("value", "reverse", "forward")


class Part(NamedTuple):
    """One of the three programs, at the point.

    Attributes:
        name: `"value"`, `"forward"` or `"reverse"`.
        program: Its jaxpr, labelled.
        inputs: Its flat inputs: what is differentiated, what is held, and the direction.
    """

    name: str
    program: ClosedJaxpr
    inputs: list[Any]


class Place(NamedTuple):
    """Where an equation stands.

    Attributes:
        label: The number of the user's equation that it is, or is the rule of.
        calls: The names of the jitted functions that it is inside of, the outermost first.
        scope: Its named scopes, such as `"0 dense"`.
    """

    label: int | None
    calls: tuple[str, ...]
    scope: str


def labelled_program(problem: Problem) -> ClosedJaxpr:
    """Return the program of a problem in its own types, a number on each equation."""
    program = labelled(own_program(problem))
    assert isinstance(program, ClosedJaxpr)
    return program


def parts(
    problem: Problem, program: ClosedJaxpr, probe: Probe, wanted: Sequence[str]
) -> tuple[list[Part], dict[str, Exception]]:
    """Return the programs that there are, and why there is no other.

    Args:
        problem: What is differentiated.
        program: Its program, labelled.
        probe: The directions.
        wanted: Which of `PARTS`.
    """
    fn = as_function(jaxpr_as_fun(program), problem)
    point = [*problem.x, *problem.fixed]
    made, missing = [], {}

    def push(x: Leaves, fixed: Leaves, tangent: Leaves) -> object:
        return jax.jvp(lambda x: fn(x, fixed), (x,), (tangent,))[1]

    def pull(x: Leaves, fixed: Leaves, cotangent: Any) -> object:
        return jax.vjp(lambda x: fn(x, fixed), x)[1](cotangent)[0]

    ways = {"forward": (push, probe.tangent), "reverse": (pull, probe.cotangent)}
    for name in (name for name in PARTS if name in wanted):
        if name == "value":
            made.append(Part(name, program, point))
            continue
        way, direction = ways[name]
        try:
            derived = trace(way, problem.x, problem.fixed, direction)
        except Exception as error:
            missing[name] = error
            continue
        made.append(Part(name, derived, [*point, *jax.tree.leaves(direction)]))
    return made, missing


_ZERO = np.zeros(())
NOWHERE = Place(None, (), "")


def places(program: Program, outer: Place = NOWHERE) -> dict[int, Place]:
    """Return where each equation stands, those of inner programs included, by its identity."""
    found: dict[int, Place] = {}
    for eqn in opened(program).eqns:
        place = _place(eqn, outer)
        found[id(eqn)] = place
        name = eqn.params.get("name") if called(eqn) else None
        inside = place._replace(calls=(*place.calls, name) if name else place.calls)
        for body in bodies(eqn):
            found |= places(body, inside)
    return found


def _place(eqn: JaxprEqn, outer: Place) -> Place:
    label, scope = label_of(eqn), "/".join(filter(None, (outer.scope, *scopes_of(eqn))))
    return Place(outer.label if label is None else label, outer.calls, scope)


class Look(NamedTuple):
    """What a first look at the results of a program tells.

    Attributes:
        fine: Whether all are finite and have their digits.
        digits: Which of them are off: these must have digits.
        rounding: Whether one is no more than the rounding of the terms that cancel in it: zero,
            or without digits in float64 too. No digits are asked of such a number.
        unchecked: Whether it could not be run in float64.
    """

    fine: bool
    digits: list[bool]
    rounding: bool = False
    unchecked: bool = False


def look_at(part: Part, pace: Pace) -> Look:
    """Run a program as a whole, in its own types and in float64."""
    own = [np.asarray(one) for one in pace.run(jaxpr_as_fun(part.program), *part.inputs)]
    if not all(np.all(np.isfinite(_wide(one))) for one in own if _inexact(one)):
        return Look(False, [True] * len(own))
    try:
        true = [np.asarray(one) for one in run_in_float64(part.program, part.inputs, pace)]
    except GaveUpError:
        raise
    except Exception:  # then that it is finite is all that is known
        return Look(True, [False] * len(own), unchecked=True)
    pairs = [pair if _inexact(pair[0]) else (_ZERO, _ZERO) for pair in zip(own, true, strict=True)]
    off = [not relative_error(_wide(one), other) <= LOST for one, other in pairs]
    if not any(off):
        return Look(True, off)
    above = [a and b for a, b in zip(off, _above_rounding(part, pairs, pace), strict=True)]
    return Look(not any(above), above, off != above)


def _above_rounding(part: Part, pairs: Sequence[tuple], pace: Pace) -> list[bool]:
    """Say of each result whether it is more than the rounding of the terms that cancel in it.

    One that is not finite in float64 is: by rounding alone it is finite here.
    """
    with checking():
        inputs = tuple(wide(leaf) for leaf in part.inputs)
        sizes = terms(widened(part.program), inputs, pace)(*inputs)
    return [
        not np.max(np.abs(true), initial=0.0) <= MARGIN * FLOAT64_EPS * np.max(size, initial=0.0)
        for (_, true), size in zip(pairs, sizes, strict=True)
    ]


def _inexact(array: np.ndarray) -> bool:
    return array.dtype.kind in "fcV" or array.dtype.name in ("bfloat16",)


def _wide(array: np.ndarray) -> np.ndarray:
    return array if array.dtype.kind == "c" else array.astype(np.float64)
