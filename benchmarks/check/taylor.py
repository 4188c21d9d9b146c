"""The Taylor test: whether a derivative is right, with no tolerance to choose.

The remainder |f(x + hv) - f(x) - h f'(x) v| falls with h^2 if the derivative is right, and with h
if a single entry of it is wrong, however little. So forward and reverse mode are each judged in
float64 by the slope of that fall, and one that passes is the reference for every method.
"""

from typing import NamedTuple

import numpy as np

#: Steps of the remainder, exact in binary; at the last ones only rounding is left to be seen.
STEPS = 2.0 ** -np.arange(2, 50, 4)
#: Where the function is evaluated: ahead of the point by each step, behind it, and at it.
LINE = np.array([*STEPS, *-STEPS, 0.0])
_NOISE = 3
_FLOAT64_EPS = float(np.finfo(np.float64).eps)
#: A remainder that falls faster than with this power of the step is that of a right derivative.
RIGHT = 1.5
#: A remainder below this many times its rounding tells nothing.
_CLEAR = 30.0


class Taylor(NamedTuple):
    """What a function's values along a line tell of its derivative.

    Attributes:
        slope: The order at which the remainder falls: 2 if the derivative is right, 1 if it is
            wrong. `None` if there is nothing but rounding at any step, as for the right derivative
            of a linear function, or if it was compared with a difference instead, or not told.
        kink: Whether the function has a kink at this very point, which no derivative can follow.
        apart: How far the derivative is from a difference quotient, over its largest entry.
        near: Whether that is as near as can be asked for.
        told: Whether the function's values allow to tell of every output. Those of a chaotic
            function do not: what they leave open counts as right.
    """

    slope: float | None
    kink: bool = False
    apart: float = 0.0
    near: bool = False
    told: bool = True

    @property
    def right(self) -> bool:
        """Whether the derivative passed.

        At a kink every slope between the two one-sided slopes counts as right.
        """
        finite = self.slope is None or not np.isnan(self.slope)
        fell = self.slope is None or self.slope > RIGHT
        return finite and (self.kink or self.near or fell)


def taylor_test(
    line: np.ndarray,
    derivative: np.ndarray,
    *,
    rounding: float | np.ndarray = 0.0,
    allowed: float = 0.0,
) -> Taylor:
    """Judge the fall of the remainder of `derivative` along a line, computed in float64.

    Args:
        line: `[len(LINE), m]` the function at the points of `LINE`.
        derivative: `[m]` the derivative along the line.
        rounding: The least rounding that is known of, of each step's remainder or of all; more may
            show in the remainder.
        allowed: How far from a difference quotient, over its largest entry, the derivative may be
            where the remainder does not fall as it should.
    """
    ahead, behind, here = sides(line)
    if not np.all(np.isfinite(derivative)):
        return Taylor(np.nan)
    slope = _slope(np.linalg.norm(ahead - here - STEPS[:, None] * derivative, axis=1), rounding)
    if slope is None or slope > RIGHT:
        return Taylor(slope)
    apart = relative_distance(difference_quotient(line), derivative)
    even = _slope(np.linalg.norm(ahead + behind - 2 * here, axis=1), rounding)
    kink = even is not None and even < RIGHT
    return Taylor(slope, kink=kink, apart=apart, near=apart <= allowed)


def relative_distance(difference: np.ndarray, derivative: np.ndarray) -> float:
    """Return how far a difference is from a derivative, over the largest entry of both."""
    scale = max(np.max(np.abs(part), initial=0.0) for part in (difference, derivative))
    return float(np.max(np.abs(difference - derivative), initial=0.0) / (scale or 1.0))


def difference_quotient(line: np.ndarray, eps: float = _FLOAT64_EPS) -> np.ndarray:
    """Return the central difference along a line `[m]`, at the step where it changes least.

    Larger steps reach too far, and below eps^(2/3) there is little left but rounding.
    """
    ahead, behind, _ = sides(line)
    slopes = ((ahead - behind) / (2 * STEPS[:, None]))[eps ** (2 / 3) <= STEPS]
    changes = np.linalg.norm(np.diff(slopes, axis=0), axis=1)
    still = int(np.argmin(np.where(np.isfinite(changes), changes, np.inf)))
    return slopes[still + 1]


def sides(line: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the values ahead of the point, those behind it, and that at it."""
    return line[: len(STEPS)], line[len(STEPS) : -1], line[-1]


def _slope(remainder: np.ndarray, rounding: float | np.ndarray) -> float | None:
    """Return the order at which `remainder` falls where it is still clear of rounding.

    Where it was clear at one step and is gone at the next, it fell by that much at least: so does
    that of a function with a jump or a kink nearby.
    """
    least = max(np.max(remainder[-_NOISE:]), np.finfo(np.float64).tiny)
    noise = np.broadcast_to(np.maximum(rounding, least), remainder.shape)
    clear = np.flatnonzero((remainder > _CLEAR * noise) & np.isfinite(remainder))
    if clear.size < 2:
        return None
    last = clear[-3:]
    slope = float(np.polyfit(np.log(STEPS[last]), np.log(remainder[last]), 1)[0])
    gone = min(last[-1] + 1, len(noise) - 1)
    fallen = np.log(remainder[last[-1]] / (_CLEAR * noise[gone])) / np.log(STEPS[0] / STEPS[1])
    return max(slope, float(fallen))
