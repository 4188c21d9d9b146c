"""How a row ends that has no time, and how its notes are joined."""

import dataclasses

from ..instrument import units
from .pace import Planned
from .row import Row


def joined(*notes: str) -> str:
    """Join notes, those that are empty left out.

    Example:
        >>> joined("chunk 8", "", "right")
        'chunk 8; right'
    """
    return "; ".join(note for note in notes if note)


def with_status(row: Row, status: str, note: str) -> Row:
    """Return a row with a status and a note of its own."""
    return dataclasses.replace(row, status=status, note=note)


def called_a_few_times(row: Row, planned: Planned, why: str) -> Row:
    """Return the row of a derivative that is right, and was called too few times to be timed."""
    once = "~" if planned.calls == 1 else ""
    note = f"one call takes {once}{units.seconds(planned.seconds)}: {why}"
    row = dataclasses.replace(row, seconds=planned.seconds)
    return with_status(row, "skipped", joined(row.note, note))
