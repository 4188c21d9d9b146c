"""The Taylor test: whether a derivative is right, with no tolerance to choose.

The remainder |f(x + hv) - f(x) - h f'(x) v| falls with h^2 if the derivative is right, and with h
if a single entry of it is wrong, however little. So forward and reverse mode are each judged in
float64 by the slope of that fall, and one that passes is the reference for every method. Where a
function allows no float64, the fall is too short to be measured: there a derivative must agree with
a difference quotient.
"""

from typing import NamedTuple

import numpy as np

#: Steps of the remainder, exact in binary; at the last ones only rounding is left to be seen.
_STEPS = 2.0 ** -np.arange(2, 50, 4)
#: Where the function is evaluated: ahead of the point by each step, behind it, and at it.
LINE = np.array([*_STEPS, *-_STEPS, 0.0])
_NOISE = 3
_FLOAT64_EPS = float(np.finfo(np.float64).eps)
#: A remainder below this many times its rounding tells nothing.
_CLEAR = 30.0


class Taylor(NamedTuple):
    """How the remainder of a derivative falls with the step.

    Attributes:
        slope: Its order: 2 if the derivative is right, 1 if it is wrong. `None` if there is nothing
            but rounding at any step, as for the right derivative of a linear function, or, in a
            type of less than 64 bits, if the derivative agrees with a difference quotient.
        kink: Whether the function has a kink at this very point, which no derivative can follow.
    """

    slope: float | None
    kink: bool = False

    @property
    def right(self) -> bool:
        """Whether the derivative passed.

        At a kink every slope between the two one-sided slopes counts as right.
        """
        return self.kink or self.slope is None or self.slope > 1.5


def taylor_test(
    line: np.ndarray, derivative: np.ndarray, *, rounding: float = 0.0, eps: float = _FLOAT64_EPS
) -> Taylor:
    """Judge the fall of the remainder of `derivative` along a line.

    Args:
        line: `[len(LINE), m]` the function at the points of `LINE`.
        derivative: `[m]` the derivative along the line.
        rounding: The least rounding that is known of; more may show in the remainder.
        eps: The machine epsilon that the function was computed with.
    """
    ahead, behind, here = _sides(line)
    if not np.all(np.isfinite(derivative)):
        return Taylor(np.nan)
    if eps > _FLOAT64_EPS:
        slope = None if _near(difference_quotient(line, eps), derivative, eps) else 1.0
    else:
        odd = np.linalg.norm(ahead - here - _STEPS[:, None] * derivative, axis=1)
        slope = _slope(odd, rounding)
    if slope is None or slope > 1.5:
        return Taylor(slope)
    even = _slope(np.linalg.norm(ahead + behind - 2 * here, axis=1), rounding)
    return Taylor(slope, kink=even is not None and even < 1.5)


def difference_quotient(line: np.ndarray, eps: float = _FLOAT64_EPS) -> np.ndarray:
    """Return the central difference along a line `[m]`, at the step where it changes least.

    Larger steps reach too far, and below eps^(2/3) there is little left but rounding.
    """
    ahead, behind, _ = _sides(line)
    slopes = ((ahead - behind) / (2 * _STEPS[:, None]))[eps ** (2 / 3) <= _STEPS]
    changes = np.linalg.norm(np.diff(slopes, axis=0), axis=1)
    still = int(np.argmin(np.where(np.isfinite(changes), changes, np.inf)))
    return slopes[still + 1]


def _sides(line: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the values ahead of the point, those behind it, and that at it."""
    return line[: len(_STEPS)], line[len(_STEPS) : -1], line[-1]


def _slope(remainder: np.ndarray, rounding: float) -> float | None:
    """Return the order at which `remainder` falls where it is still clear of rounding."""
    noise = max(np.max(remainder[-_NOISE:]), rounding, np.finfo(np.float64).tiny)
    clear = np.flatnonzero(remainder > _CLEAR * noise)
    if clear.size < 2:
        return None
    last = clear[-3:]
    return float(np.polyfit(np.log(_STEPS[last]), np.log(remainder[last]), 1)[0])


def _near(product: np.ndarray, derivative: np.ndarray, eps: float) -> bool:
    """Whether a difference is as near to the derivative as rounding and its step let it be."""
    scale = np.max(np.abs(derivative), initial=0.0)
    return bool(np.max(np.abs(product - derivative)) <= 100 * eps ** (2 / 3) * scale)
