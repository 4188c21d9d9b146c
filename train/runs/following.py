"""Read whether steps were finite, some steps later, so that nothing waits for the device."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import jax

from .._processes import several
from ..metrics import Figure
from .epoch import skipped_steps
from .plan import Plan

# Whether a step was finite is read at most this many steps later, and so that the steps between
# take no longer than about a second: a signal waits for them. The step has ended by then, so that
# reading waits for nothing; and only so many steps are wasted if it was not finite.
LAG = 16
_LAG_SECONDS = 1.0


def follower(plan: Plan, prefetch: int) -> Callable[[dict[str, Figure]], bool]:
    """Make `failed(metrics)`, which waits for earlier steps and says whether one has failed.

    Several processes stop at the same step, so that they wait for the same one: that which they
    have ended by then, as they have read what was told with it, `prefetch` steps before.
    """
    running: deque[jax.Array] = deque()
    lag, read_at = 1, time.monotonic()
    fixed_lag = max(1, min(LAG, prefetch)) if several() else 0

    def failed(metrics: dict[str, Figure]) -> bool:
        nonlocal lag, read_at
        running.append(skipped_steps(metrics))
        while len(running) > lag:
            bad = bool(running.popleft())
            now = time.monotonic()
            by_time = int(_LAG_SECONDS / max(now - read_at, 1e-9))
            lag = fixed_lag or max(1, min(LAG, lag + 1, by_time))
            read_at = now
            if bad and plan.on_nonfinite == "raise":
                return True
        return False

    return failed
