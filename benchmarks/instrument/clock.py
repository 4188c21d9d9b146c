"""The clocks of the instrument: nothing else in `benchmarks` reads one."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

#: How many times as long somebody waits for work that takes so many seconds.
_PATIENCE = 10


class Clock(NamedTuple):
    """Clocks, each a function that returns seconds since some fixed moment.

    A test passes clocks of its own to whatever measures, so that its result does not depend on how
    busy the machine is.

    Attributes:
        wall: Seconds as everybody counts them.
        cpu: Seconds that this process has computed for, summed over its threads.
        thread: Seconds that the thread that asks has computed for.
    """

    wall: Callable[[], float]
    cpu: Callable[[], float]
    thread: Callable[[], float] = time.thread_time


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


def work_left(seconds: float, clock: Clock = CLOCK) -> Callable[[], float]:
    """Return a function that tells for how much of `seconds` this thread may still compute.

    What it does by then is the same whatever else the machine does. Where it waits, for a device or
    a crowded machine, it ends after ten times as long.

    Example:
        >>> left = work_left(60.0)
        >>> 0 < left() <= 60
        True
    """
    end, by_wall = clock.thread() + seconds, time_left(_PATIENCE * seconds, clock)
    return lambda: min(end - clock.thread(), by_wall())


def now() -> datetime:
    """Return the date and the time, in UTC whatever the machine's zone."""
    return datetime.now(UTC)
