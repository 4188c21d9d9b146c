"""Why a ratio is above its bound, or a time is not what it seems."""

from .comparison import Row
from .measure import Compiled

#: A row within this many dispatch floors measures the call more than the work.
_NEAR_FLOOR = 3.0


def diagnose(row: Row, compiled: Compiled, floor: float) -> str:
    """What a reader should know before believing a row's time; empty if nothing.

    Args:
        row: A row with its times.
        compiled: Its program.
        floor: Seconds of a call that does nothing.
    """
    if row.seconds is not None and row.seconds < _NEAR_FLOOR * floor:
        return "near the dispatch floor: the call costs more than the work"
    return ""
