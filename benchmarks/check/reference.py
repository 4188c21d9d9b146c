"""The derivative that every method is checked against, computed by other means than theirs.

Products come from the modes that pass the Taylor test. A dense Jacobian is built here, without the
code that the methods are made of; it must agree with the products and with the function along a
line, or it is not used.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..derivatives.method import Probe, Truth, ravel
from ..derivatives.problem import Problem
from ..program.custom_rules import rules_within
from ..program.messages import guarded
from .blame import deliberate, describe
from .dense import dense_jacobian
from .error import relative_error
from .float64 import in_float64, own_program, with_float64
from .judge import FLOAT64_EPS, Line, coarsest_eps, draw_line, judge, take
from .taylor import Taylor

#: A larger Jacobian, or one of more passes, is checked along directions, not entry by entry.
DENSE_ENTRIES, DENSE_PASSES = 4_000_000, 4096
#: How far the products of a Jacobian may be from those taken by themselves, in float64.
_AGREEMENT = 1e-6
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
    """

    truths: dict[str, Truth]
    taylor: dict[str, Taylor]
    wrong: dict[str, str]
    eps: float
    constants: float = 0.0
    trusted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def truth(self) -> Truth:
        """The first of the truths."""
        return next(iter(self.truths.values()))

    @property
    def kink(self) -> bool:
        """Whether the function has a kink at this point."""
        return any(taylor.kink for taylor in self.taylor.values())

    def independent_of(self, mode: str) -> Truth | None:
        """Return a truth that a method of this mode has no part in, `None` if there is none.

        In float64 a mode has been held against the function's values, far below the digits of
        what is timed; elsewhere only another mode is another route.
        """
        if self.eps <= FLOAT64_EPS:
            return self.truth
        if mode == "none":
            return None
        made = "differences" if mode == "numerical" else mode
        return next((truth for way, truth in self.truths.items() if way != made), None)


def find_reference(
    problem: Problem, probe: Probe, modes: tuple[str, ...], *, rule: str = "check"
) -> Reference:
    """Take the derivative by the modes that can be taken, and judge each by its remainder.

    It is taken in float64, or in the problem's own type if something is in the way of that. If no
    mode passes, central differences are what is left, and `truth.source` says so.

    Args:
        problem: What is differentiated.
        probe: The directions that products are taken along.
        modes: `"forward"`, `"reverse"`, both or none: what the function allows.
        rule: `"trust"` if a custom rule of the user's is right by definition.
    """
    problem, x64 = with_float64(problem), _x64()
    (constants, allowed), no_rules = guarded(
        "read its custom rules", lambda: _allowed(problem), (0.0, 0.0)
    )
    named, _ = guarded("name what is deliberate", lambda: deliberate(problem), ())
    with in_float64(problem, probe) as (wide, directions):
        coarsest, no_type = guarded(
            "find the narrowest type inside", lambda: _narrowest(wide), _eps(wide)
        )
        line = draw_line(wide, directions, coarsest)
        products = {mode: take(wide, directions, mode) for mode in modes}
        taylor = {
            mode: judge(line, directions, mode, product, allowed)
            for mode, product in products.items()
        }
        passed = {mode: products[mode] for mode in modes if taylor[mode].right}
        trusted = {} if rule == "check" or not named else _consistent(products, directions)
        if trusted.keys() <= passed.keys():
            trusted = {}
        else:
            passed = trusted
        truths = _truths(wide, directions, line, passed, allowed=np.inf if trusted else allowed)
        wrong = {
            mode: describe(problem, wide, directions, mode, test, line, x64=x64)
            for mode, test in taylor.items()
            if mode not in passed
        }
    notes = tuple(filter(None, (no_type, no_rules)))
    trust = named if trusted else ()
    return Reference(truths, taylor, wrong, coarsest, constants, trust, notes)


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


def _consistent(products: dict[str, np.ndarray], probe: Probe) -> dict[str, np.ndarray]:
    """Return the products that are finite, and none of two that contradict each other."""
    finite = {mode: one for mode, one in products.items() if np.all(np.isfinite(one))}
    if len(finite) == 2:
        pushed = ravel(probe.cotangent) @ finite["forward"]
        pulled = finite["reverse"] @ ravel(probe.tangent)
        if not relative_error(np.array(pushed), np.array(pulled)) <= _AGREEMENT:
            return {}
    return finite


def _truths(
    problem: Problem, probe: Probe, line: Line, passed: dict[str, np.ndarray], *, allowed: float
) -> dict[str, Truth]:
    """Return the truth that all modes have a part in; in a coarse type, one for each mode."""
    if line.coarse and len(passed) > 1:
        return {
            mode: _truth(problem, probe, line, {mode: product}, allowed=allowed)
            for mode, product in passed.items()
        }
    first = min(passed, default="differences")
    return {first: _truth(problem, probe, line, passed, allowed=allowed)}


def _truth(
    problem: Problem, probe: Probe, line: Line, passed: dict[str, np.ndarray], *, allowed: float
) -> Truth:
    """Join the products that passed; what they leave open, the Jacobian or a difference gives."""
    jacobian, source = _dense_truth(problem, line, tuple(passed))
    if jacobian is not None and not _agrees(jacobian, probe, line, passed, allowed=allowed):
        jacobian, source = None, f"{source} along one direction; its Jacobian did not agree"
    jvp, vjp = passed.get("forward"), passed.get("reverse")
    if jvp is None and jacobian is not None:
        jvp = jacobian @ ravel(probe.tangent)
    if vjp is None and jacobian is not None:
        vjp = ravel(probe.cotangent) @ jacobian
    jvp = line.quotient if jvp is None else jvp
    vjp = np.full(problem.n, np.nan) if vjp is None else vjp
    return Truth(line.value, jvp, vjp, jacobian, source)


def _agrees(
    jacobian: np.ndarray,
    probe: Probe,
    line: Line,
    passed: dict[str, np.ndarray],
    *,
    allowed: float,
) -> bool:
    """Whether a Jacobian gives the products that passed, and the difference along the line."""
    given = {
        "forward": jacobian @ ravel(probe.tangent),
        "reverse": ravel(probe.cotangent) @ jacobian,
    }
    limit = max(_AGREEMENT, line.eps**0.5)
    if any(not relative_error(given[mode], true) <= limit for mode, true in passed.items()):
        return False
    return judge(line, probe, "forward", given["forward"], max(limit, allowed)).right


def _dense_truth(
    problem: Problem, line: Line, passed: tuple[str, ...]
) -> tuple[np.ndarray | None, str]:
    """Take the whole Jacobian by the mode of fewest passes that passed, else by differences."""
    passes = {"forward": problem.n, "reverse": problem.m}
    mode = min(passed, key=lambda mode: passes[mode], default="differences")
    source = f"{jnp.result_type(*problem.x)} {mode}" + (" mode" if passed else "")
    small = problem.n * problem.m <= DENSE_ENTRIES
    if not small or passes.get(mode, problem.n) > DENSE_PASSES:
        return None, source
    return dense_jacobian(problem, mode, line.eps), source
