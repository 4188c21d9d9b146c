"""A derivative against difference quotients, where nothing is known in float64.

How far a quotient may be off is measured and not supposed. The rounding of the function is read off
the differences of high order of its own values at close points (J. J. More and S. M. Wild,
Estimating Computational Noise, 2011); the error of the step is the change from one step to the
next.
"""

import math

import numpy as np

from .settled import is_noise
from .taylor import LINE, STEPS, Taylor, relative_distance, sides

#: Equally spaced points at which the rounding shows, in units of the square root of epsilon.
_CLOSE = np.arange(-5.0, 6.0)
#: How many times its standard deviation rounding may be, and its bound the distance.
_SPREAD, _MARGIN = 4.0, 2.0
#: A step must move every number by so many of its last places.
_PLACES = 256.0
#: What is not known to a tenth is not known.
_VAGUE = 0.1


def points(eps: float) -> np.ndarray:
    """Return the steps at which the function is wanted: those of `LINE`, and close ones."""
    return np.concatenate([LINE, _CLOSE * math.sqrt(eps)])


def quotient_test(values: np.ndarray, derivative: np.ndarray, *, eps: float, far: float) -> Taylor:
    """Compare a derivative along a line with the quotient that is most certain.

    Args:
        values: `[len(points(eps)), m]` the function at `points(eps)`.
        derivative: `[m]` the derivative along the line.
        eps: The machine epsilon that the function was computed with.
        far: The largest number among the inputs.

    Example:
        >>> steps = np.concatenate([LINE, _CLOSE * 2.0**-12])
        >>> values = np.sin(0.3 + steps)[:, None].astype(np.float32).astype(np.float64)
        >>> derivatives = (np.cos([0.3]), 1.05 * np.cos([0.3]))
        >>> [quotient_test(values, one, eps=2.0**-23, far=0.3).right for one in derivatives]
        [True, False]
    """
    if not np.all(np.isfinite(derivative)):
        return Taylor(np.nan)
    line, close = values[: len(LINE)], values[len(LINE) :]
    noise = max(_noise(close), eps * float(np.max(np.abs(line[-1]), initial=0.0)))
    if is_noise(line, noise, eps):
        return Taylor(None, told=False)
    return by_quotients(line, derivative, noise=noise, eps=eps, far=far)


def by_quotients(
    line: np.ndarray,
    derivative: np.ndarray,
    *,
    noise: float,
    eps: float,
    far: float,
    first: int = 0,
) -> Taylor:
    """Compare a derivative with the quotient that is most certain, where the noise is known.

    Args:
        line: `[len(LINE), m]` the function at the points of `LINE`.
        derivative: `[m]` the derivative along the line.
        noise: The standard deviation of the rounding of all outputs together.
        eps: The machine epsilon that the function was computed with.
        far: The largest number among the inputs.
        first: The largest step that counts; those before it reach too far.
    """
    ahead, behind, here = sides(line)
    quotients = (ahead - behind) / (2 * STEPS[:, None])
    widths = _bounds(quotients, noise, eps, far)
    widths[:first] = np.inf
    best = int(np.argmin(widths))
    scale = max(np.linalg.norm(quotients[best]), np.linalg.norm(derivative))
    if not widths[best] <= _VAGUE * scale and scale != 0:  # nan where the domain ends
        return Taylor(None, told=False)
    distance = np.linalg.norm(quotients[best] - derivative)
    if distance <= _MARGIN * widths[best] + 4 * eps * scale:
        return Taylor(None, apart=relative_distance(quotients[best], derivative), near=True)
    gap = np.linalg.norm(ahead + behind - 2 * here, axis=1) / STEPS
    between = distance <= gap[best] / 2 + _MARGIN * widths[best]
    stays = gap[best] / 4 < gap[best + 1] < 4 * gap[best]  # rounding grows with 16
    kink = bool(between and stays and np.all(gap[best : best + 2] > 10 * widths[best]))
    return Taylor(1.0, kink=kink, apart=relative_distance(quotients[best], derivative))


def _noise(close: np.ndarray) -> float:
    """Return the standard deviation of the rounding of all outputs together.

    A difference of order k of independent errors has the variance (2k choose k) times theirs, and
    of a smooth function next to nothing is left in it.
    """
    levels = []
    for order in (3, 4, 5):
        spread = np.sqrt(np.mean(np.diff(close, order, axis=0) ** 2, axis=0))
        levels.append(np.linalg.norm(spread) / math.sqrt(math.comb(2 * order, order)))
    return float(max(levels))


def _bounds(quotients: np.ndarray, noise: float, eps: float, far: float) -> np.ndarray:
    """Return how far each quotient may be off; infinity where the step is too small or last."""
    sizes = np.linalg.norm(quotients, axis=1)
    changes = np.append(np.linalg.norm(np.diff(quotients, axis=0), axis=1), np.inf)
    before = np.append(np.inf, changes[:-1]) / STEPS[0] * STEPS[1]
    before[0] = 0.0
    rounding = (_SPREAD * noise + eps * far * sizes) / STEPS
    # Steps move in powers of 16, so that a change is that of the step itself, to 1 in 256.
    widths = np.maximum(changes, before) + rounding
    usable = (_PLACES * eps * max(1.0, far) <= STEPS) & np.isfinite(widths)
    return np.where(usable, widths, np.inf)
