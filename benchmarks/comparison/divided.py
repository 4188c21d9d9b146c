"""What is told of programs that are divided over the devices of a mesh."""

from collections.abc import Sequence

from ..instrument.compile import Compiled
from ..program.collectives import collectives, counted, devices_of
from .attempt import Attempt

_SUM = "all-reduce"


def mesh_notes(attempts: Sequence[Attempt]) -> tuple[str, ...]:
    """Say how the figures of divided programs are meant, and which mode has no sums to send."""
    texts = {
        tried.row.method: tried.compiled.hlo
        for tried in attempts
        if isinstance(tried.compiled, Compiled) and devices_of(tried.compiled.hlo) > 1
    }
    if not texts:
        return ()
    devices = max(map(devices_of, texts.values()))
    notes = [f"memory and XLA's count of operations are those of one of {devices} devices"]
    sums = {
        mode: counted(collectives(texts[mode])).get(_SUM, (0, 0))[0]
        for mode in ("forward", "reverse")
        if mode in texts
    }
    if len(sums) == 2 and min(sums.values()) == 0 < max(sums.values()):
        without, other = sorted(sums, key=lambda mode: sums[mode])
        needed = "one" if sums[other] == 1 else sums[other]
        notes.append(f"{without} needs no all-reduce, {other} {needed}")
    return tuple(notes)
