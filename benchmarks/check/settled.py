"""Whether difference quotients settle as the step shrinks, so that they tell of a derivative.

Those of a chaotic function (M. Henon, A Two-dimensional Mapping with a Strange Attractor, 1976)
grow until the last step: its derivative is larger than any difference of its values over a step.
"""

import numpy as np

from .taylor import STEPS, sides

#: How far the quotients of the smallest steps may be from each other, and how many must agree.
_ALIKE, _AGREEING = 0.1, 3
#: Quotients that settle at a later step are of a function that bends too much for its remainder.
LATE = 2
#: How many times its bound the rounding of a value may be.
_MARGIN = 30.0
_FLOAT64_EPS = float(np.finfo(np.float64).eps)
#: Values along a line that are rounding by so much of their range are nothing else.
_NOISY = 0.1


def settles(line: np.ndarray, rounding: float, *, far: float) -> np.ndarray:
    """Return from which step on the difference quotients of each output agree, `[m]`.

    They are the central ones or those of one side, and agree but for rounding. Where they never do
    it is `len(STEPS)`.

    Args:
        line: `[len(LINE), m]` the function at the points of `LINE`, in float64.
        rounding: How far off its values may be.
        far: The largest number among the inputs, which rounds too.

    Example:
        >>> from benchmarks.check.taylor import LINE
        >>> wild = np.random.default_rng(0).normal(size=len(LINE))
        >>> line = np.stack([np.sin(LINE), wild], axis=1)
        >>> settles(line, 1e-16, far=1.0) < len(STEPS)
        array([ True, False])
    """
    ahead, behind, here = sides(line)
    steps = STEPS[:, None]
    since = np.full(line.shape[1], len(STEPS))
    with np.errstate(invalid="ignore", over="ignore"):
        ways = [(ahead - behind) / (2 * steps), (ahead - here) / steps, (here - behind) / steps]
        for first in range(len(STEPS) - _AGREEING + 1):
            for quotients in ways:
                size = np.abs(quotients[first])
                slack = _MARGIN * (rounding + _FLOAT64_EPS * far * size) / steps[first:]
                distance = np.abs(quotients[first:] - quotients[first])
                agree = np.all(distance <= _ALIKE * size + slack, axis=0)
                since = np.where(agree, np.minimum(since, first), since)
            if np.all(since <= first):
                break
    return since


def is_noise(line: np.ndarray, noise: float, eps: float) -> bool:
    """Whether values along a line are so noisy that they tell nothing, by more than they round.

    Args:
        line: `[len(LINE), m]` the function at the points of `LINE`.
        noise: The standard deviation of what is not smooth in them.
        eps: The machine epsilon that they were computed with.

    Example:
        >>> from benchmarks.check.taylor import LINE
        >>> line = np.sin(LINE)[:, None]
        >>> is_noise(line, 1e-7, 1e-7), is_noise(line, 0.5, 1e-7)
        (False, True)
    """
    spread = np.linalg.norm(np.max(np.abs(line - line[-1]), axis=0))
    return bool(noise > max(_NOISY * spread, _MARGIN * eps * np.linalg.norm(line[-1])))
