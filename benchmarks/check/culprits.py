"""The first operation to blame for a result that is not finite or has lost its digits.

An operation is named only if the result of the whole is mended once that of the operation is: an
infinity that a mask hides, and digits that are lost and not needed, are nobody's fault.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from ..program.jaxpr import Program, constants, kind, names
from .both import LOST, Both, arrays, both, errors, finite, floats, repaired, wholly_lost
from .directions import Pace
from .float64 import checking
from .stepping import Step, Stepping, TooLongError
from .whole_turns import Loops

#: Operations that are suspected.
_MOST_SUSPECTS = 8
_SUMS = names("add add_any cumsum conv_general_dilated dot_general reduce_sum scatter-add sub")
_BEYOND = ("overflow", "underflow")


class Culprit(NamedTuple):
    """What goes wrong first.

    Attributes:
        fault: `"NaN"`, `"infinity"`, `"cancellation"`, `"overflow"`, `"underflow"` or
            `"rounding"`.
        step: The equation as it was run; `None` where it is an input or a constant.
        place: Which of the step's results, or of the program's inputs, it is; -1 for a constant.
        entry: The first entry of it that is wrong.
    """

    fault: str
    step: Step | None
    place: int
    entry: tuple[int, ...]


class Search(NamedTuple):
    """What came of looking for a culprit.

    Attributes:
        culprit: It; `None` if there is none, or none was found.
        fine: Whether nothing is wrong with the results.
        why: Why it was not found.
    """

    culprit: Culprit | None = None
    fine: bool = False
    why: str = ""


def find_culprit(
    program: Program,
    inputs: Sequence[Any],
    pace: Pace,
    *,
    moving: int = 0,
    digits: Sequence[bool] | None = None,
) -> Search:
    """Return the operation by which the results of a program are not finite, or lose their digits.

    Args:
        program: A jaxpr, open or closed.
        inputs: Its flat inputs, in its own types.
        pace: How long this may take; the time that is left is looked at before each equation.
        moving: How many of the inputs are differentiated, the first ones: they should be finite.
            Any other may hold infinity, such as a mask.
        digits: Which of the results must have their digits; `None` for all.
    """
    with checking():
        pairs = [both(leaf) for leaf in inputs]
        try:
            return _searched(program, pairs, pace, moving, digits)
        except TooLongError:
            over = pace.left() <= 0
            return Search(why="there was no time left" if over else "the program is too long")


def _searched(
    program: Program, pairs: list[Both], pace: Pace, moving: int, digits: Sequence[bool] | None
) -> Search:
    culprits: dict[Hashable, Culprit] = {}
    loops = Loops()

    def walked(mended: Mapping[Hashable, int]) -> tuple[Stepping, list[Both]]:
        """Run the program with these repaired, each from one of its faults on."""
        walk = Stepping(pace, mended, loops=loops)
        inputs = [repaired(p) if ("input", i) in mended else p for i, p in enumerate(pairs)]
        return walk, walk.run(program, inputs)

    given = dict(_of_inputs(pairs, moving))
    walk, results = walked({})
    if not all(map(finite, results)):
        digits = [False] * len(results)  # first of all they shall be finite
    while _wrong(results, digits):
        found = given | {key: _culprit(steps[0]) for key, steps in walk.suspects.items()}
        fresh = [key for key in found if key not in culprits]
        if not fresh:
            found |= {key: _culprit(steps[0]) for key, steps in walk.constant.items()}
            found |= dict(_of_inputs(pairs, len(pairs)))
            fresh = [key for key in found if key not in culprits]
        if not fresh or len(culprits) == _MOST_SUSPECTS:
            return _unsettled(program, culprits)
        culprits[fresh[0]] = found[fresh[0]]
        walk, results = walked(dict.fromkeys(culprits, 0))
    if not culprits:
        return Search(fine=True)

    def fails(mended: Mapping[Hashable, int]) -> bool:
        return _wrong(walked(mended)[1], digits)

    all_of = dict.fromkeys(culprits, 0)
    others = ((key, {one: 0 for one in culprits if one != key}) for key in culprits)
    needed = (key for key, rest in others if rest and fails(rest))
    key = next(reversed(culprits))
    try:
        key = next(needed, key)
        steps = walk.suspects.get(key) or walk.constant.get(key, [])
        since = partial(_fails_since, fails, all_of, key)
        return Search(_in_its_turn(culprits[key], steps, since))
    except TooLongError:  # then the turn is not known
        step = culprits[key].step
        return Search(culprits[key]._replace(step=step and step._replace(turns=())))


def _fails_since(
    fails: Callable[[Mapping[Hashable, int]], bool],
    mended: Mapping[Hashable, int],
    key: Hashable,
    since: int,
) -> bool:
    """Whether the whole is wrong if this is repaired from one of its faults on."""
    return fails({**mended, key: since})


def _in_its_turn(culprit: Culprit, steps: Sequence[Step], fails: Callable[[int], bool]) -> Culprit:
    """Return a culprit in the first turn of a loop that does harm, of all in which it is at fault.

    Args:
        culprit: It, in the first turn in which it is at fault.
        steps: It in all of these turns.
        fails: `fails(since)` tells whether the whole is wrong if it is repaired since then alone.
    """
    harmless, harmful = 0, len(steps)
    while harmful - harmless > 1:
        middle = (harmless + harmful) // 2
        if fails(middle):
            harmful = middle
        else:
            harmless = middle
    return _culprit(steps[harmless]) if steps else culprit


def _wrong(results: Sequence[Both], digits: Sequence[bool] | None) -> bool:
    wanted = [True] * len(results) if digits is None else digits
    pairs = zip(results, wanted, strict=True)
    return any(not finite(one) or (want and wholly_lost(one)) for one, want in pairs)


def _unsettled(program: Program, culprits: dict[Hashable, Culprit]) -> Search:
    """Say what can be said where no repair helps."""
    # Its own type may have no number to repair it with.
    beyond = next((one for one in culprits.values() if one.fault in _BEYOND), None)
    if beyond:
        return Search(beyond)
    for told, bad in (("NaN", np.isnan), ("infinity", np.isinf)):
        for one in map(both, constants(program)):
            if floats(one) and np.any(bad(arrays(one)[0])):
                return Search(Culprit(told, None, -1, _first(bad(arrays(one)[0]))))
    return Search(why="no single operation is to blame")


def _of_inputs(pairs: Sequence[Both], moving: int) -> list[tuple[Hashable, Culprit]]:
    """Return the inputs that hold NaN, or infinity where they are differentiated."""
    found: list[tuple[Hashable, Culprit]] = []
    for place, one in enumerate(pairs):
        if not floats(one):
            continue
        own = arrays(one)[0]
        bad = ~np.isfinite(own) if place < moving else np.isnan(own)
        if np.any(bad):
            entry = _first(bad)
            fault = "NaN" if np.isnan(own[entry]) else "infinity"
            found.append((("input", place), Culprit(fault, None, place, entry)))
    return found


def _culprit(step: Step) -> Culprit:
    """Say what a step makes wrong, and in which entry of it."""
    place = next(place for place, fault in enumerate(step.faults) if fault)
    one, fault = step.results[place], step.faults[place]
    if not floats(one):
        others = next((p for p, f in enumerate(step.faults) if f and floats(step.results[p])), None)
        if others is None:
            own, true = np.asarray(one.own), np.asarray(one.wide)
            return Culprit("rounding", step, place, _first(own != true))
        place, one, fault = others, step.results[others], step.faults[others]
    own, true = arrays(one)
    bad = {"nan": np.isnan(own), "infinity": np.isinf(own)}.get(fault, errors(one) > LOST)
    return Culprit(_fault(step, one, fault, bad), step, place, _first(bad))


def _fault(step: Step, one: Both, fault: str, bad: np.ndarray) -> str:
    own, true = (array[bad] for array in arrays(one))
    limits = jnp.finfo(jnp.result_type(one.own))
    beyond = np.any(~np.isfinite(own) | (np.abs(true) > float(limits.max)))
    # Infinity less infinity within one product, whose sum is finite and out of range.
    within = np.isfinite(true) & (np.abs(true) > float(limits.max))
    if fault == "nan" and not np.any(within):
        return "NaN"
    if not np.any(errors(one)[bad] > LOST):
        return "infinity"
    if beyond:
        return "overflow"
    if np.any((true != 0) & (np.abs(true) < float(limits.tiny))):
        return "underflow"
    return "cancellation" if kind(step.eqn) in _SUMS else "rounding"


def _first(bad: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape))
