"""What the devices of a mesh send each other in a compiled program, by its HLO text."""

import math
import re
from collections import Counter
from typing import NamedTuple

_KINDS = (
    *("all-reduce", "all-gather", "reduce-scatter", "all-to-all"),
    *("collective-permute", "collective-broadcast", "ragged-all-to-all"),
)
_INSTRUCTION = re.compile(rf"= (?P<result>.*?) (?P<kind>{'|'.join(_KINDS)})(?P<start>-start)?\(")
_ARRAY = re.compile(r"(?P<dtype>[a-z]\w*?)\[(?P<sizes>[\d,<=]*)\]")
_DEVICES = re.compile(r"^HloModule .*?num_partitions=(\d+)", re.MULTILINE)
_BITS = re.compile(r"(\d+)")


class Collective(NamedTuple):
    """An instruction in which devices send each other something.

    Attributes:
        kind: Such as "all-reduce".
        bytes: Of what a device has at its end.

    Example:
        >>> Collective("all-reduce", 4).kind
        'all-reduce'
    """

    kind: str
    bytes: int


def devices_of(text: str) -> int:
    """Return over how many devices a program is divided.

    Example:
        >>> devices_of("HloModule jit_f, is_scheduled=true, num_partitions=8")
        8
        >>> devices_of("HloModule jit_f")
        1
    """
    found = _DEVICES.search(text)
    return int(found.group(1)) if found else 1


def collectives(text: str) -> list[Collective]:
    """Return what is sent in a program in HLO's text form; a loop's body counts once.

    Example:
        >>> collectives("  %a = f32[4,2]{1,0} all-reduce(%b), replica_groups={{0,1}}")
        [Collective(kind='all-reduce', bytes=32)]
    """
    found = []
    for line in text.splitlines():
        if (match := _INSTRUCTION.search(line)) is None:
            continue
        arrays = [_bytes(array) for array in _ARRAY.finditer(match["result"])]
        # One that is started apart gives its operand, too, before its result.
        size = arrays[-1] if match["start"] and len(arrays) > 1 else sum(arrays)
        found.append(Collective(match["kind"], size))
    return found


def counted(sent: list[Collective]) -> dict[str, tuple[int, int]]:
    """Return of each kind how many there are, and their bytes together.

    Example:
        >>> counted([Collective("all-reduce", 4), Collective("all-reduce", 8)])
        {'all-reduce': (2, 12)}
    """
    numbers, sizes = Counter[str](), Counter[str]()
    for kind, size in sent:
        numbers[kind] += 1
        sizes[kind] += size
    return {kind: (number, sizes[kind]) for kind, number in sorted(numbers.items())}


def _bytes(array: re.Match[str]) -> int:
    bits = _BITS.search(array["dtype"])
    size = math.prod(int(number) for number in re.findall(r"\d+", array["sizes"]))
    return size * (int(bits.group(1)) if bits else 8) // 8  # a truth value takes a byte
