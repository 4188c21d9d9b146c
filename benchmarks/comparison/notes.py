"""What a reader should know before believing a time: of one row, and of the machine."""

from collections.abc import Mapping

from ..instrument.compile import Compiled
from ..instrument.samples import Samples
from ..instrument.statistics import contention, outliers
from ..program.hlo import instructions, repeated_work
from .fastest import BUSY, NEAR_FLOOR, WAITED
from .row import Row

#: A ratio whose whole interval is this far above its bound is a breach, and no noise.
_BREACH = 1.1


def time_notes(
    row: Row, value: Row | None, compiled: Compiled, floor: float, *, on_cpu: bool = True
) -> str:
    """Say why a row's ratio is above its bound, or its time is not what it seems; `""` if neither.

    A cause is given only where the row's own figures support it, and none is where the program
    waited for a busy machine.

    Args:
        row: A row with its times.
        value: The row of the function itself, if it has one.
        compiled: The row's program.
        floor: Seconds of a call that does nothing.
        on_cpu: Whether it runs on CPUs; one that waits for an accelerator is not held up.
    """
    if row.samples is not None and on_cpu:
        waited = contention(row.samples)
        if waited > BUSY:
            return f"{WAITED}: {waited:.2g} times its CPU time"
    notes = []
    near = row.seconds is not None and row.seconds < NEAR_FLOOR * floor
    if near:
        notes.append("near the dispatch floor: the call costs more than the work")
    if row.interval and row.bound and row.interval[0] > _BREACH * row.bound:
        cause = "" if near else _cause(row, value, compiled)
        notes.append(f"above its bound of {row.bound:.3g}" + (cause and f": {cause}"))
    return "; ".join(notes)


def _cause(row: Row, value: Row | None, compiled: Compiled) -> str:
    """Say what explains that a program does more than the bound allows; `""` if nothing does."""
    after = instructions(compiled.hlo)
    repeated = repeated_work(instructions(compiled.unoptimized_hlo), after)
    if repeated:
        return repeated
    if after.library:
        return f"library calls that no count sees ({', '.join(after.library)})"
    if row.flops and value and value.flops and value.flops.low and row.bound:
        times = row.flops.low / value.flops.high
        if times > row.bound:
            return f"it does {times:.3g} times the operations of the function"
    return ""


def machine_notes(samples: Mapping[str, Samples], *, on_cpu: bool = True) -> tuple[str, ...]:
    """Say how quiet the machine was while it measured."""
    if not samples:
        return ()
    strange = sum(outliers(taken.wall) for taken in samples.values())
    every = sum(taken.wall.size for taken in samples.values())
    notes = [f"{strange} of {every} samples are outliers"]
    waited = max(contention(taken) for taken in samples.values())
    if waited > BUSY and on_cpu:
        notes.append(f"the machine was busy: wall time up to {waited:.2g} times CPU time")
    return tuple(notes)
