"""The clocks of the instrument: nothing else in `benchmarks` reads one."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple


class Clock(NamedTuple):
    """A pair of clocks, each a function that returns seconds since some fixed moment.

    A test passes clocks of its own to whatever measures, so that its result does not depend on how
    busy the machine is.

    Attributes:
        wall: Seconds as everybody counts them.
        cpu: Seconds that this process has computed for, summed over its threads.
    """

    wall: Callable[[], float]
    cpu: Callable[[], float]


#: The clocks of the system.
CLOCK = Clock(time.perf_counter, time.process_time)


def time_left(seconds: float, clock: Clock = CLOCK) -> Callable[[], float]:
    """Return a function that tells how much of `seconds` is left: negative once they are over.

    Example:
        >>> left = time_left(60.0)
        >>> 0 < left() <= 60
        True
    """
    end = clock.wall() + seconds
    return lambda: end - clock.wall()


def now() -> datetime:
    """Return the date and the time, in UTC whatever the machine's zone."""
    return datetime.now(UTC)
