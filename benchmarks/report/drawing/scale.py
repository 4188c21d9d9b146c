"""A logarithmic axis: where a figure stands, and where the ticks are."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

#: The least range of an axis, and the free room at each end, as a part of the range.
_LEAST_RANGE, _ROOM = 4.0, 0.04
#: What ticks begin with, the plainest first.
_DIGITS = ((1,), (1, 3), (1, 2, 5), (1, 2, 4, 6, 8), tuple(range(1, 10)))
#: With fewer ticks than this an axis is hard to read.
_FEWEST = 3


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A logarithmic axis between two positive figures.

    Example:
        >>> scale = scale_of([1.0, 100.0])
        >>> round(scale.place(10.0), 3), scale.ticks(5)
        (0.5, (1.0, 10.0, 100.0))
    """

    low: float
    high: float

    def place(self, value: float) -> float:
        """Return where a figure stands: 0 at the lower end, 1 at the upper one, never outside."""
        if not value > 0:
            return 0.0
        part = math.log(value / self.low) / math.log(self.high / self.low)
        return min(max(part, 0.0), 1.0)

    def ticks(self, most: int) -> tuple[float, ...]:
        """Return at most so many ticks: powers of ten, with more between them if they are few."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        chosen: list[float] = []
        for digits in _DIGITS:
            ticks = [
                figure
                for power in range(first, last + 1)
                for figure in (float(f"{digit}e{power}") for digit in digits)
                if self.low <= figure <= self.high
            ]
            chosen = ticks if len(ticks) <= most or not chosen else chosen
            if len(chosen) >= _FEWEST:
                break
        return tuple(chosen[:: -(-len(chosen) // most) or 1])


def scale_of(values: Iterable[float]) -> Scale:
    """Return an axis that holds some figures, of which those that are not positive do not count.

    Example:
        >>> scale_of([5.0]).ticks(4)
        (4.0, 6.0, 8.0, 10.0)
        >>> scale_of([]).ticks(3)
        (0.5, 1.0, 2.0)
    """
    known = [value for value in values if 0 < value < math.inf]
    low, high = (min(known), max(known)) if known else (1.0, 1.0)
    missing = max(_LEAST_RANGE / (high / low), 1.0) ** 0.5
    low, high = low / missing, high * missing
    room = (high / low) ** _ROOM
    return Scale(low=low / room, high=high * room)
