"""Why a ratio is above its bound, or a time is not what it seems."""

from ..instrument.timing import Compiled
from ..program import duplicated, instructions
from .record import Row

#: A row within this many dispatch floors measures the call more than the work.
_NEAR_FLOOR = 3.0
#: A ratio whose whole interval is this far above its bound is a breach, and no noise.
_BREACH = 1.1


def diagnose(row: Row, compiled: Compiled, floor: float) -> str:
    """What a reader should know before believing a row's time; empty if nothing.

    Args:
        row: A row with its times.
        compiled: Its program.
        floor: Seconds of a call that does nothing.
    """
    found = []
    if row.seconds is not None and row.seconds < _NEAR_FLOOR * floor:
        found.append("near the dispatch floor: the call costs more than the work")
    if row.ratio and row.bound and row.ratio.low > _BREACH * row.bound:
        found.append(f"above its bound of {row.bound:.3g}: {_cause(compiled)}")
    return "; ".join(found)


def _cause(compiled: Compiled) -> str:
    """What in the compiled program explains that it does more than the bound allows."""
    after = instructions(compiled.hlo)
    repeated = duplicated(instructions(compiled.written()), after)
    if repeated:
        return repeated
    if after.library:
        return f"library calls that no count sees ({', '.join(after.library)})"
    return "memory traffic or dispatch; no instruction is repeated"
