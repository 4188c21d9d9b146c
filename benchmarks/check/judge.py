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
from .quotient import points, quotient_test
from .taylor import LINE, STEPS, Taylor, difference_quotient, taylor_test

FLOAT64_EPS = float(np.finfo(np.float64).eps)
#: A change along the line by this many times its rounding would be seen.
_UNSEEN = 30.0


class Line(NamedTuple):
    """The function's values along the probe's tangent.

    Attributes:
        values: `[steps, m]` at `LINE`, and where the function is coarse at close points too.
        eps: The machine epsilon of the narrowest type that the inputs pass through.
        far: The largest number among the inputs.
    """

    values: np.ndarray
    eps: float
    far: float

    @property
    def coarse(self) -> bool:
        """Whether some of it is not computed in float64."""
        return self.eps > FLOAT64_EPS

    @property
    def value(self) -> np.ndarray:
        """The function's value at the point."""
        return self.values[len(LINE) - 1]

    @property
    def quotient(self) -> np.ndarray:
        """The difference quotient `[m]` along the line."""
        return difference_quotient(self.values[: len(LINE)], self.eps)


def draw_line(problem: Problem, probe: Probe, eps: float, pace: Pace = UNHURRIED) -> Line:
    """Evaluate the function along the probe's tangent."""
    steps = points(eps) if eps > FLOAT64_EPS else LINE
    far = max(float(jnp.max(jnp.abs(leaf), initial=0.0)) for leaf in problem.x)
    return Line(along(problem, probe.tangent, steps, pace).astype(np.float64), eps, far)


def take(problem: Problem, probe: Probe, mode: str, pace: Pace = UNHURRIED) -> np.ndarray:
    """Return the product with the probe's direction in one mode."""
    if mode == "forward":
        return ravel(pushed_forward(problem, probe.tangent, pace))
    return ravel(pulled_back(problem, probe.cotangent, pace))


def judge(line: Line, probe: Probe, mode: str, product: np.ndarray, allowed: float = 0.0) -> Taylor:
    """Judge the product of a mode by the line.

    Args:
        line: The function along the tangent.
        probe: The directions.
        mode: `"forward"` or `"reverse"`.
        product: What the mode gives along the probe's direction.
        allowed: How far from a difference quotient it may be at all events.
    """
    values = line.values
    if mode == "reverse":
        values = values @ ravel(probe.cotangent)[:, None]
        product = (product @ ravel(probe.tangent))[None]
    if line.coarse:
        test = quotient_test(values, product, eps=line.eps, far=line.far)
        return test._replace(near=test.near or 0 < test.apart <= allowed)
    # The point itself is moved to numbers that float64 has, which moves the function too.
    moved = FLOAT64_EPS * line.far * float(np.max(np.abs(product), initial=0.0))
    rounding = FLOAT64_EPS * float(np.max(np.abs(values), initial=0.0))
    return taylor_test(values, product, rounding=rounding + moved, allowed=allowed)


def unseen_slope(line: Line) -> float:
    """Return how large a derivative the line would not show, where it shows none; 0 elsewhere.

    A function that is constant but for rounding, such as the sum of a softmax, shows none.
    """
    change = line.values[: len(LINE)] - line.value
    test = taylor_test(line.values[: len(LINE)], np.zeros_like(line.value))
    if line.coarse or test.slope is not None:
        return 0.0
    return _UNSEEN * float(np.max(np.abs(change), initial=0.0)) / float(STEPS[0])


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
