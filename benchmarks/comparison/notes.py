"""What a reader should know before believing a time: of one row, and of the machine."""

from collections.abc import Mapping

import jax

from ..instrument.compile import Compiled
from ..instrument.samples import Samples
from ..instrument.statistics import contention, outliers
from ..program.hlo import instructions, repeated_work
from .row import Row

#: A row within this many dispatch floors measures the call more than the work.
_NEAR_FLOOR = 3.0
#: A ratio whose whole interval is this far above its bound is a breach, and no noise.
_BREACH = 1.1
#: Wall over CPU time from which a machine is said to be busy.
_BUSY = 1.3


def time_notes(row: Row, compiled: Compiled, floor: float) -> str:
    """Say why a row's ratio is above its bound, or its time is not what it seems; `""` if neither.

    Args:
        row: A row with its times.
        compiled: Its program.
        floor: Seconds of a call that does nothing.
    """
    notes = []
    if row.seconds is not None and row.seconds < _NEAR_FLOOR * floor:
        notes.append("near the dispatch floor: the call costs more than the work")
    if row.ratio and row.bound and row.ratio.low > _BREACH * row.bound:
        notes.append(f"above its bound of {row.bound:.3g}: {_cause(compiled)}")
    return "; ".join(notes)


def _cause(compiled: Compiled) -> str:
    """Say what in the compiled program explains that it does more than the bound allows."""
    after = instructions(compiled.hlo)
    repeated = repeated_work(instructions(compiled.unoptimized_hlo), after)
    if repeated:
        return repeated
    if after.library:
        return f"library calls that no count sees ({', '.join(after.library)})"
    return "memory traffic or dispatch; no instruction is repeated"


def machine_notes(samples: Mapping[str, Samples]) -> tuple[str, ...]:
    """Say how quiet the machine was while it measured."""
    strange = sum(outliers(taken.wall) for taken in samples.values())
    every = sum(taken.wall.size for taken in samples.values())
    notes = [f"{strange} of {every} samples are outliers"]
    waited = max(contention(taken) for taken in samples.values())
    if waited > _BUSY and jax.default_backend() == "cpu":
        notes.append(f"the machine was busy: wall time up to {waited:.2g} times CPU time")
    return tuple(notes)
