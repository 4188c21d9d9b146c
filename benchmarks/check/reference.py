"""The derivative that every method is checked against, computed by other means than theirs."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..derivatives.method import GaveUpError, Probe, Truth
from ..derivatives.problem import Problem
from ..program.custom_rules import rules_within
from ..program.messages import guarded
from .blame import deliberate, describe, draws
from .directions import UNHURRIED, Pace
from .float64 import in_float64, own_program, with_float64
from .judge import FLOAT64_EPS, Line, coarsest_eps, draw_line, judge, take
from .noise import terms_of_product
from .taylor import Taylor
from .truths import consistent, disagreement, find_truths
from .zeros import find_zeros, without_rounding

#: How far a rule may be from its function: the constants of both are of the function's type, and a
#: solver is as good as its tolerance.
_CONSTANTS, _SOLVER = 4, 1e-3


class Reference(NamedTuple):
    """The derivative in float64 (if it can be), and what was found out about each mode.

    Attributes:
        truths: What methods are checked against, by how it was made: by a mode, or by
            `"differences"`. There are two where both modes pass and neither is in float64.
        taylor: What the function's values tell, by mode.
        wrong: What is wrong, by mode that did not pass.
        eps: The machine epsilon of the coarsest type inside the function, there.
        constants: How far off, in its own types, the constants of a rule or a candidate may be.
        trusted: Whose derivative it is, where that is not the function's and was asked for.
        notes: What gradwise could not find out of the function.
        unchecked: Why there was no time to check a mode, by mode; `None` if there was.
        apart: How far both modes are from each other; `None` if there are not two.
    """

    truths: dict[str, Truth]
    taylor: dict[str, Taylor]
    wrong: dict[str, str]
    eps: float
    constants: float = 0.0
    trusted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unchecked: dict[str, str] | None = None
    apart: float | None = None

    @property
    def truth(self) -> Truth:
        """The first of the truths."""
        return next(iter(self.truths.values()))

    @property
    def kink(self) -> bool:
        """Whether the function has a kink at this point."""
        return any(taylor.kink for taylor in self.taylor.values())

    def tells(self, mode: str) -> bool:
        """Whether the function's values allow to tell of a mode; one by both modes needs both."""
        modes = {"none": (), "numerical": (), "symbolic": ()}.get(mode, (mode,))
        asked = self.taylor if mode == "mixed" else modes
        return all(self.taylor[one].told for one in asked if one in self.taylor)

    def independent_of(self, mode: str) -> Truth | None:
        """Return a truth that a method of this mode has no part in, `None` if there is none.

        In float64 a mode has been held against the function's values, far below the digits of
        what is timed, unless they tell nothing; elsewhere only another mode is another route.
        """
        if self.eps <= FLOAT64_EPS:
            return self.truth if self.tells(mode) else None
        if mode == "none":
            return None
        made = "differences" if mode == "numerical" else mode
        return next((truth for way, truth in self.truths.items() if way != made), None)


def find_reference(
    problem: Problem,
    probe: Probe,
    modes: tuple[str, ...],
    pace: Pace = UNHURRIED,
    *,
    rule: str = "check",
    entries: bool = True,
) -> Reference:
    """Take the derivative by the modes that can be taken, and judge each by its remainder.

    It is taken in float64, or in the problem's own type if something is in the way of that. If no
    mode passes, central differences are what is left, and `truth.source` says so.

    Args:
        problem: What is differentiated.
        probe: The directions that products are taken along.
        modes: `"forward"`, `"reverse"`, both or none: what the function allows.
        pace: How its programs are run. Where a Jacobian would take too long, methods are checked
            along directions.
        rule: `"trust"` if a custom rule of the user's is right by definition. A derivative that is
            another one by JAX's own definition, of a draw, is trusted where the user has no rule.
        entries: Whether anything is checked but products with the directions.

    Raises:
        GaveUpError: If there was no time for the function along a line.
    """
    problem, x64 = with_float64(problem), _x64()
    said = _said(problem)
    with in_float64(problem, probe) as (wide, directions):
        coarsest, no_type = guarded(
            "find the narrowest type inside", lambda: _narrowest(wide), _eps(wide)
        )
        line = draw_line(wide, directions, coarsest, pace)
        products, unchecked = _products(wide, directions, modes, pace)
        taylor = _judged(wide, directions, products, line, said.allowed, pace)
        passed = {mode: products[mode] for mode in products if taylor[mode].right}
        apart = disagreement(products, directions)
        zeros, no_zeros = guarded(
            "look for zeros", lambda: find_zeros(wide, directions, line, passed, pace), None
        )
        products, passed = without_rounding(products, zeros), without_rounding(passed, zeros)
        trusted = _trusted(products, passed, directions) if said.trusts(rule) else {}
        taken, limit = (trusted, np.inf) if trusted else (passed, said.allowed)
        truths = find_truths(
            wide, directions, line, taken, pace, allowed=limit, zeros=zeros, entries=entries
        )
        wrong = {
            mode: describe(problem, wide, directions, mode, test, line, pace, x64=x64)
            for mode, test in taylor.items()
            if mode not in taken
        }
    notes = tuple(filter(None, (no_type, said.note, no_zeros)))
    trust = (*said.named, *said.drawn) if trusted else ()
    return Reference(
        truths, taylor, wrong, coarsest, said.constants, trust, notes, unchecked, apart
    )


class _Said(NamedTuple):
    """What a program says of its derivative before anything is run.

    Attributes:
        constants: How far off the constants of a rule may be.
        allowed: How far a rule may be from its function.
        named: What a user has made another derivative on purpose.
        drawn: The draws that JAX gives another derivative.
        note: Why the rules could not be read, if they could not.
    """

    constants: float
    allowed: float
    named: tuple[str, ...]
    drawn: tuple[str, ...]
    note: str

    def trusts(self, rule: str) -> bool:
        """Whether a derivative may be another one than the function's values say."""
        if rule == "trust":
            return bool(self.named or self.drawn)
        return bool(self.drawn) and not self.named


def _said(problem: Problem) -> _Said:
    (constants, allowed), note = guarded(
        "read its custom rules", lambda: _allowed(problem), (0.0, 0.0)
    )
    named, _ = guarded("name what is deliberate", lambda: deliberate(problem), ())
    drawn, _ = guarded("look for draws", lambda: draws(problem), ())
    return _Said(constants, allowed, named, drawn, note)


def _judged(
    problem: Problem,
    probe: Probe,
    products: Mapping[str, np.ndarray],
    line: Line,
    allowed: float,
    pace: Pace,
) -> dict[str, Taylor]:
    """Judge the product of each mode, and once more by its terms what may be their rounding."""
    taylor = {mode: judge(line, probe, mode, each, allowed) for mode, each in products.items()}
    for mode, product in products.items():
        if _may_be_rounding(taylor[mode], line):
            sizes = _terms(problem, probe, mode, pace)
            taylor[mode] = judge(line, probe, mode, product, allowed, sizes)
    return taylor


def _trusted(
    products: dict[str, np.ndarray], passed: Collection[str], probe: Probe
) -> dict[str, np.ndarray]:
    """Return the products that are trusted as they are; none where all of them have passed."""
    trusted = consistent(products, probe)
    return {} if trusted.keys() <= set(passed) else trusted


def _may_be_rounding(test: Taylor, line: Line) -> bool:
    """Whether a mode did not pass, or could not be told of, by what is seen of its rounding."""
    return not ((test.right and test.told) or line.coarse or np.isnan(test.slope or 0.0))


def _terms(problem: Problem, probe: Probe, mode: str, pace: Pace) -> Sequence[np.ndarray] | None:
    """Return how large the terms of a product are; `None` if that cannot be found, or in time."""
    try:
        return terms_of_product(problem, probe, mode, pace)(problem.x)
    except Exception:  # then the product is judged by what is seen
        return None


def _products(
    problem: Problem, probe: Probe, modes: tuple[str, ...], pace: Pace
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Take the product of each mode; where one takes too long, say so instead."""
    products, unchecked = {}, {}
    for mode in modes:
        try:
            products[mode] = take(problem, probe, mode, pace)
        except GaveUpError as error:
            unchecked[mode] = f"{mode} mode could not be checked: {error}"
    return products, unchecked


def _x64() -> bool:
    return jax.config.jax_enable_x64  # pyright: ignore[reportAttributeAccessIssue]


def _eps(problem: Problem) -> float:
    """Return the machine epsilon of what is differentiated."""
    return float(jnp.finfo(jnp.result_type(*problem.x)).eps)


def _narrowest(problem: Problem) -> float:
    """Return the machine epsilon of the narrowest type that the function passes through."""
    program = jax.make_jaxpr(problem.fn)(problem.x, problem.fixed)
    return coarsest_eps(program, len(problem.x))


def _allowed(problem: Problem) -> tuple[float, float]:
    """Return how far off the constants of a rule may be, and how far a rule from its function."""
    program = own_program(problem)
    constants = _CONSTANTS * coarsest_eps(program, len(problem.x))
    within = rules_within(program)
    if within.solver:
        return constants, _SOLVER
    return constants, constants if within.any else 0.0
