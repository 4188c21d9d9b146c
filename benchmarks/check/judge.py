"""Is what a mode gives at this point the derivative of the function? By the function's values."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn

from ..derivatives.method import Probe, ravel
from ..derivatives.problem import Problem
from ..program.dataflow import Mark, Spot, first, marks
from ..program.jaxpr import Atom, dtype
from .directions import UNHURRIED, Pace, along, pulled_back, pushed_forward
from .quotient import by_quotients, points, quotient_test
from .settled import LATE, settles
from .taylor import LINE, RIGHT, STEPS, Taylor, difference_quotient, taylor_test

FLOAT64_EPS = float(np.finfo(np.float64).eps)
#: More outputs are judged by so many sums of them.
MOST_OUTPUTS, _SUMS = 1_000_000, 3
_SEED = 0


class Line(NamedTuple):
    """The function's values along the probe's tangent.

    Attributes:
        values: `[steps, m]` at `LINE`, and where the function is coarse at close points too; or
            sums of them, `[steps, sums]`.
        eps: The machine epsilon of the narrowest type that the inputs pass through.
        far: The largest number among the inputs.
        weights: `[m, sums]` what of each output a sum holds, the cotangent first; `None` where
            each output is judged by itself.
        at_point: `[m]` the outputs at the point, where `values` are sums.
    """

    values: np.ndarray
    eps: float
    far: float
    weights: np.ndarray | None = None
    at_point: np.ndarray | None = None

    @property
    def coarse(self) -> bool:
        """Whether some of it is not computed in float64."""
        return self.eps > FLOAT64_EPS

    @property
    def value(self) -> np.ndarray:
        """The function's value at the point."""
        return self.values[len(LINE) - 1] if self.at_point is None else self.at_point

    @property
    def quotient(self) -> np.ndarray:
        """The difference quotient `[m]` along the line, or that of each sum."""
        return difference_quotient(self.values[: len(LINE)], self.eps)


def draw_line(problem: Problem, probe: Probe, eps: float, pace: Pace = UNHURRIED) -> Line:
    """Evaluate the function along the probe's tangent.

    Of very many outputs it takes a few normally distributed sums. An error in any of them is in
    each sum; that all three hold less than a thousandth of it has a probability of 5e-10.
    """
    steps = points(eps) if eps > FLOAT64_EPS else LINE
    far = max(float(jnp.max(jnp.abs(leaf), initial=0.0)) for leaf in problem.x)
    if problem.m <= MOST_OUTPUTS:
        values = along(problem, probe.tangent, steps, pace)
        return Line(values.astype(np.float64, copy=False), eps, far)
    cotangent = ravel(probe.cotangent)
    random = np.random.default_rng(_SEED)
    weights = np.column_stack([cotangent, random.standard_normal((problem.m, _SUMS))])
    weights = weights.astype(jnp.result_type(*problem.x))
    values = along(problem, probe.tangent, steps, pace, weights=weights)
    (here,) = along(problem, probe.tangent, np.zeros(1), pace)
    return Line(values.astype(np.float64), eps, far, weights.astype(np.float64), here)


def take(problem: Problem, probe: Probe, mode: str, pace: Pace = UNHURRIED) -> np.ndarray:
    """Return the product with the probe's direction in one mode."""
    if mode == "forward":
        return ravel(pushed_forward(problem, probe.tangent, pace))
    return ravel(pulled_back(problem, probe.cotangent, pace))


def judge(
    line: Line,
    probe: Probe,
    mode: str,
    product: np.ndarray,
    allowed: float = 0.0,
    terms: Sequence[np.ndarray] | None = None,
) -> Taylor:
    """Judge the product of a mode by the line.

    Args:
        line: The function along the tangent.
        probe: The directions.
        mode: `"forward"` or `"reverse"`.
        product: What the mode gives along the probe's direction.
        allowed: How far from a difference quotient it may be at all events.
        terms: How large the terms of the value and of the product are, where more may cancel in
            them than is seen.
    """
    values, (of_value, of_product) = line.values, terms or (np.zeros(()), np.zeros(()))
    if mode == "reverse":
        weights, tangent = ravel(probe.cotangent), ravel(probe.tangent)
        values = values @ weights[:, None] if line.weights is None else values[:, :1]
        product = (product @ tangent)[None]
        of_value, of_product = of_value * weights, of_product * tangent
    elif line.weights is not None:
        values, product = values[:, 1:], product @ line.weights[:, 1:]
    if line.coarse:
        test = quotient_test(values, product, eps=line.eps, far=line.far)
        return test._replace(near=test.near or 0 < test.apart <= allowed)
    # The point itself is moved to numbers that float64 has, which moves the function too.
    moved = FLOAT64_EPS * line.far * float(np.max(np.abs(product), initial=0.0))
    finite = np.isfinite(values)  # the line may leave the function's domain
    seen = FLOAT64_EPS * float(np.max(np.abs(values), where=finite, initial=0.0))
    seen += FLOAT64_EPS * float(np.linalg.norm(of_value))
    hidden = FLOAT64_EPS * STEPS * np.linalg.norm(of_product)
    test = taylor_test(values, product, rounding=seen + moved + hidden, allowed=allowed)
    if np.isnan(test.slope or 0.0):
        return test
    since = settles(values, seen, far=line.far)
    fell = test.slope is not None and test.slope > RIGHT
    if np.max(since, initial=0) <= LATE or (fell and np.any(since == len(STEPS))):
        return test
    return _of_settled(values, product, since, seen, line.far, allowed)


def _of_settled(
    values: np.ndarray,
    product: np.ndarray,
    since: np.ndarray,
    rounding: float,
    far: float,
    allowed: float,
) -> Taylor:
    """Judge by quotients the outputs that have any, of a function that bends too much otherwise."""
    settled = since < len(STEPS)
    if not np.any(settled):
        return Taylor(None, told=False)
    test = by_quotients(
        values[:, settled],
        product[settled],
        noise=rounding,
        eps=FLOAT64_EPS,
        far=far,
        first=int(np.max(since[settled])),
    )
    near = test.near or 0 < test.apart <= allowed
    return test._replace(near=near, told=test.told and bool(np.all(settled)))


def coarsest_eps(program: ClosedJaxpr, differentiated: int) -> float:
    """Return the machine epsilon of the narrowest floating type that the inputs pass through.

    What does not depend on the inputs is a constant, however coarsely it was computed.

    Args:
        program: The function's.
        differentiated: How many of its inputs are differentiated, the first ones.
    """
    known = [FLOAT64_EPS]

    def passed(atoms: Sequence[Atom]) -> None:
        floats = [dtype(v) for v in atoms if jnp.issubdtype(dtype(v), jnp.floating)]
        known.extend(float(jnp.finfo(one).eps) for one in floats)

    def rule(eqn: JaxprEqn, operands: Sequence[Mark], line: str) -> Mark:
        del line
        mark = first(operands)
        passed(eqn.outvars if mark else ())
        return mark

    inputs = program.jaxpr.invars
    passed(inputs[:differentiated])
    marks(program, [Spot("", "") if i < differentiated else None for i in range(len(inputs))], rule)
    return max(known)
