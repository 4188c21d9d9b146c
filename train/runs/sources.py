"""Read a source of host batches, from where a run stands in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

from .._processes import several
from .._types import Data
from ..checkpoints.position import Position

#: Batches `(x, y)`: an iterable that can be read again, or a function of the epoch's number.
Source: TypeAlias = Iterable[Data] | Callable[[int], Iterable[Data]]


@dataclass(kw_only=True)
class Reading:
    """A source that is being read; at its end it begins anew if there is a way to.

    Attributes:
        iterator: Where it is.
        again: Makes an iterator over it from its beginning, or None.
    """

    iterator: Iterator[Data]
    again: Callable[[], Iterator[Data]] | None = None
    waiting: list[Data] = field(default_factory=list)  # a batch that was looked at before its turn
    left_out: list[Data] = field(default_factory=list)  # the last batch that was read and left out

    def __iter__(self) -> Iterator[Data]:
        """Return itself: what is read is not read again."""
        return self

    def __next__(self) -> Data:
        """Return the next batch."""
        if self.waiting:
            return self.waiting.pop()
        try:
            return next(self.iterator)
        except StopIteration:
            if self.again is None:
                raise
        self.iterator = self.again()
        return next(self.iterator)

    def state(self) -> object:
        """Return where the source says that it is, or None if it says nothing.

        Example:
            >>> Reading(iterator=iter([])).state() is None
            True
        """
        get_state = getattr(self.iterator, "get_state", None)
        return None if get_state is None else get_state()

    def example(self, source: Source, number: int) -> Data:
        """Return any batch of epoch `number`, without taking it out of its turn.

        Example:
            >>> reading = Reading(iterator=iter([(1, 2)]))
            >>> reading.example([], 0), list(reading)
            ((1, 2), [(1, 2)])
        """
        if self.left_out:
            return self.left_out[0]
        try:
            self.waiting = [next(self)]
        except StopIteration:  # all of them were trained on
            return next(iter(source(number) if callable(source) else source))
        return self.waiting[0]


def make_reader(
    source: Source, steps_per_epoch: int | None
) -> Callable[[int, Position], tuple[Reading, Iterator[Data]]]:
    """Make `read(number, position)`, which reads an epoch from a position within it.

    Without `steps_per_epoch` an epoch is the whole source, or all that it gives for the epoch's
    number. With it an epoch is so many batches: an iterable is read on from epoch to epoch, and
    begins anew at its end.

    Returns:
        `read(number, position) -> (reading, batches)`: the source, and those of its batches that
        the epoch still has.

    Example:
        >>> read = make_reader([(1, 2), (3, 4), (5, 6)], steps_per_epoch=2)
        >>> [list(read(number, Position())[1]) for number in range(2)]
        [[(1, 2), (3, 4)], [(5, 6), (1, 2)]]
    """
    going_on: list[Reading] = []

    def read(number: int, position: Position) -> tuple[Reading, Iterator[Data]]:
        left = None if steps_per_epoch is None else steps_per_epoch - position.batches
        if callable(source):
            reading = _from(Reading(iterator=_opened(source, number)), position, position.batches)
        elif steps_per_epoch is None:
            reading = _from(Reading(iterator=iter(source)), position, position.batches)
        else:
            if not going_on:
                behind = number * steps_per_epoch + position.batches
                opened = Reading(iterator=iter(source), again=source.__iter__)
                going_on.append(_from(opened, position, behind))
            reading = going_on[0]
        return reading, islice(reading, left)

    return read


def _opened(source: Callable[[int], Iterable[Data]], number: int) -> Iterator[Data]:
    """Return what a function gives for an epoch.

    Raises:
        TypeError: If that is no iterable.
    """
    given = source(number)
    if not isinstance(given, Iterable) and not hasattr(given, "__getitem__"):
        raise TypeError(
            f"a source must be a function epoch -> iterable of pairs (x, y), got one that returns "
            f"{type(given).__name__}"
        )
    return iter(given)


def _from(reading: Reading, position: Position, behind: int) -> Reading:
    """Bring a source that was just opened to a position, `behind` batches after its beginning."""
    set_state = getattr(reading.iterator, "set_state", None)
    if position.source is not None and set_state is not None:
        set_state(position.source)
        return reading
    read = 0
    for batch in islice(reading, behind):
        read, reading.left_out = read + 1, [batch]
    if read < behind and not several():  # of several, one may have fewer than the others
        raise ValueError(
            f"the train data gave {read} batches, and {behind} of them were trained on before: "
            "resume with the data that the run was made with"
        )
    return reading
