"""What the devices of a mesh send each other in the program of a row: bytes, and words."""

from ..instrument import units
from ..program.collectives import collectives, counted, devices_of


def sent_bytes(text: str) -> int | None:
    """Return the bytes that each device of a mesh gets from the others; `None` on a single device.

    Args:
        text: The compiled program in HLO's text form; a loop's body counts once.

    Example:
        >>> head = "HloModule jit_f, num_partitions=8"
        >>> sent_bytes(head + chr(10) + "  %a = f32[4,2]{1,0} all-reduce(%b), replica_groups={}")
        32
        >>> sent_bytes("HloModule jit_f")
    """
    if devices_of(text) == 1:
        return None
    return sum(sent.bytes for sent in collectives(text))


def sent_change(old: int | None, new: int | None) -> str:
    """Say how much more or less a program sends than in another run; `""` where that is the same.

    Example:
        >>> sent_change(256, 0)
        'each device sends 0 B, not 256 B'
        >>> sent_change(None, 256)
        ''
    """
    if old is None or new is None or old == new:
        return ""
    return f"each device sends {units.size(new)}, not {units.size(old)}"


def sent_note(text: str) -> str:
    """Say what the devices of a mesh send each other in a program; `""` if there is one device.

    Args:
        text: The compiled program in HLO's text form.

    Example:
        >>> head = "HloModule jit_f, num_partitions=8"
        >>> sent_note(head + chr(10) + "  %a = f32[4,2]{1,0} all-reduce(%b), replica_groups={}")
        'each of 8 devices sends 32 B in 1 all-reduce'
        >>> sent_note(head)
        'each of 8 devices sends nothing'
    """
    devices = devices_of(text)
    if devices == 1:
        return ""
    kinds = counted(collectives(text)).items()
    parts = [f"{units.size(size)} in {number} {kind}" for kind, (number, size) in kinds]
    return f"each of {devices} devices sends {', '.join(parts) or 'nothing'}"
