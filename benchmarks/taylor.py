"""The Taylor test: whether a derivative is right, with no tolerance to choose.

The remainder |f(x + hv) - f(x) - h f'(x) v| falls with h^2 if the derivative is right, and with h
if a single entry of it is wrong, however little. So forward and reverse mode are each judged in
float64 by the slope of that fall, and one that passes is the reference for every method.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .problem import Problem

#: Steps of the remainder, exact in binary; at the last ones only rounding is left to be seen.
_STEPS = 2.0 ** -np.arange(2, 50, 4)
_NOISE = 3
#: A remainder below this many times its rounding tells nothing.
_CLEAR = 30.0


class Taylor(NamedTuple):
    """How the remainder of a derivative falls with the step.

    Attributes:
        slope: Its order: 2 if the derivative is right, 1 if wrong; `None` if there is nothing but
            rounding at any step, as for the right derivative of a linear function.
        kink: Whether the function has a kink at this very point, which no derivative can follow.
    """

    slope: float | None
    kink: bool = False

    @property
    def right(self) -> bool:
        """Whether the derivative passed; at a kink any slope between the two sides' is right."""
        return self.kink or self.slope is None or self.slope > 1.5


def along(problem: Problem, tangent: tuple) -> jax.Array:
    """`[2 steps + 1, m]` the function ahead by each step, behind by each, and at the point."""

    def at(step: jax.Array, x: tuple, fixed: tuple) -> jax.Array:
        moved = tuple(leaf + step * part for leaf, part in zip(x, tangent, strict=True))
        outputs = jax.tree.leaves(problem.fn(moved, fixed))
        return jnp.concatenate([leaf.ravel() for leaf in outputs])

    steps = jnp.asarray([*_STEPS, *-_STEPS, 0.0])
    run = jax.jit(lambda x, fixed: jax.lax.map(lambda step: at(step, x, fixed), steps))
    return run(problem.x, problem.fixed)


def judge(line: np.ndarray, derivative: np.ndarray, rounding: float = 0.0) -> Taylor:
    """The fall of the remainder of `derivative` along a line.

    Args:
        line: `[2 steps + 1, m]` the function ahead of the point by each step, behind it by each
            step, and at the point itself, in float64.
        derivative: `[m]` the derivative along the line.
        rounding: The least rounding that is known of; more may show in the remainder.
    """
    ahead, behind, here = line[: len(_STEPS)], line[len(_STEPS) : -1], line[-1]
    if not np.all(np.isfinite(derivative)):
        return Taylor(np.nan)
    odd = np.linalg.norm(ahead - here - _STEPS[:, None] * derivative, axis=1)
    slope = _slope(odd, rounding)
    if slope is None or slope > 1.5:
        return Taylor(slope)
    even = _slope(np.linalg.norm(ahead + behind - 2 * here, axis=1), rounding)
    return Taylor(slope, kink=even is not None and even < 1.5)


def _slope(remainder: np.ndarray, rounding: float) -> float | None:
    """The order at which `remainder` falls where it is still clear of rounding."""
    noise = max(np.max(remainder[-_NOISE:]), rounding, np.finfo(np.float64).tiny)
    clear = np.flatnonzero(remainder > _CLEAR * noise)
    if clear.size < 2:
        return None
    last = clear[-3:]
    return float(np.polyfit(np.log(_STEPS[last]), np.log(remainder[last]), 1)[0])


def difference(line: np.ndarray) -> np.ndarray:
    """`[m]` the central difference along a line, at about eps^(1/3), where its errors balance."""
    middle = len(_STEPS) // 3
    ahead, behind = line[middle], line[len(_STEPS) + middle]
    return (ahead - behind) / (2 * _STEPS[middle])
