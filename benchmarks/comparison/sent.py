"""What the devices of a mesh send each other in the program of a row, in words."""

from ..instrument import units
from ..program.collectives import collectives, counted, devices_of


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
