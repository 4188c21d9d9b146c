"""Explain what is not finite, or has lost its digits, in a function or its derivative."""

from collections.abc import Collection, Sequence

from ..derivatives.method import GaveUpError, Probe
from ..derivatives.problem import Problem
from ..program.messages import underivable
from .accounts import account_of
from .both import both, finite
from .culprits import find_culprit
from .directions import UNHURRIED, Pace
from .explanation import CALLED, Explanation
from .float64 import checking
from .stepping import Stepping, TooLongError
from .three_programs import (
    PARTS,
    Look,
    Part,
    labelled_program,
    look_at,
    parts,
)


def explain(
    problem: Problem,
    probe: Probe,
    modes: Sequence[str] = PARTS,
    pace: Pace = UNHURRIED,
    *,
    known_wrong: bool = False,
) -> Explanation:
    """Say what of a function and its derivatives goes wrong first, and what to do.

    Args:
        problem: What is differentiated, in its own types.
        probe: The directions, of the same types.
        modes: Which of `"value"`, `"forward"`, `"reverse"` to look at.
        pace: How programs are run, and for how long.
        known_wrong: Whether it is known that all of these are wrong, and only asked why.
    """
    program = labelled_program(problem)
    made, missing = parts(problem, program, probe, modes)
    looks = _looks(made, missing, pace, known_wrong=known_wrong)
    note = _note(missing, looks)
    if not looks:
        (name, error), *_ = missing.items()
        return Explanation(unknown=f"there is no {name} mode: {underivable(error)}")
    wrong = [part for part in made if part.name in looks and not looks[part.name].fine]
    if not wrong:
        return Explanation(note=note)
    names = tuple(part.name for part in wrong)
    part = wrong[0]
    found = find_culprit(
        part.program, part.inputs, pace, moving=len(problem.x), digits=looks[part.name].digits
    )
    if found.culprit is None:
        why = "run one by one, all of them are sound" if found.fine else found.why
        return Explanation(where=part.name, modes=names, unknown=why, note=note)
    return account_of(found.culprit, part, names, problem, program, pace)


def finite_by_steps(problem: Problem, probe: Probe, mode: str, pace: Pace = UNHURRIED) -> bool:
    """Whether the function or a derivative is finite where each operation is run by itself.

    What a compiler leaves out, as some do a `log` of an `exp`, overflows nowhere once compiled.
    A program that is too long to be run so is taken for finite.

    Args:
        problem: What is differentiated, in its own types.
        probe: The directions, of the same types.
        mode: `"value"`, `"forward"` or `"reverse"`.
        pace: For how long programs may run.

    Example:
        >>> import jax.numpy as jnp
        >>> from benchmarks.check.directions import random_probe
        >>> from benchmarks.derivatives.problem import make_problem
        >>> problem = make_problem(lambda x: jnp.log(jnp.exp(x)), (90.0,))
        >>> finite_by_steps(problem, random_probe(problem, 0), "value")
        False
    """
    made, _ = parts(problem, labelled_program(problem), probe, (mode,))
    with checking():
        try:
            walks = [Stepping(pace).run(one.program, list(map(both, one.inputs))) for one in made]
        except TooLongError:
            return True
    return all(finite(one) for results in walks for one in results)


def _looks(
    made: Sequence[Part], missing: dict[str, Exception], pace: Pace, *, known_wrong: bool
) -> dict[str, Look]:
    """Look at each part, up to a value that is wrong: then derivatives are of no interest."""
    looks: dict[str, Look] = {}
    for part in made:
        if known_wrong:
            looks[part.name] = Look(False, [True] * len(part.program.jaxpr.outvars))
            continue
        try:
            looks[part.name] = look_at(part, pace)
        except GaveUpError:
            raise
        except Exception as error:  # JAX finds some rules missing only now
            missing[part.name] = error
        if part.name == "value" and "value" in looks and not looks["value"].fine:
            break
    return looks


def _note(missing: Collection[str], looks: dict[str, Look]) -> str:
    """Say which mode there is not, and what is but rounding."""
    notes = [f"there is no {name} mode" for name in missing]
    small = [name for name, look in looks.items() if look.rounding]
    narrow = [name for name, look in looks.items() if look.unchecked]
    notes += [f"no digits of {CALLED[name]} could be checked in float64" for name in narrow]
    notes += [f"{CALLED[name]} is no more than rounding of the terms that cancel" for name in small]
    return "; ".join(notes)
