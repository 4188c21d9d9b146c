"""What an answer is worth beside methods that could not be timed."""

import re
from collections.abc import Sequence

from ..instrument import units
from ..program.probes import NO_SYMPY
from .findings import Finding
from .row import Row

#: The longest reason that is quoted in a verdict; the row has it in full.
_LONGEST = 100
#: Where a reason says that something is, before the name of the function around it.
_PLACE = re.compile(r" at \S+:\d+")
#: What is no derivative, what tells most about the function first.
_NOT_RIGHT = ("wrong", "inaccurate", "impossible")
#: How the parts of a note begin that an answer does without.
_VAGUE = ("the derivative is not finite", "at input ")
_SAID = {
    "skipped": "was skipped",
    "impossible": "is not possible",
    "wrong": "is wrong here",
    "inaccurate": "has no correct digit here",
    "failed": "failed",
}


def without_rival(answer: Row, rows: Sequence[Row]) -> Finding | None:
    """Say of the fastest method that no other mode was timed, and why; `None` if there is none.

    A method that was skipped has a time that it takes at least. So the answer is that many times
    faster, or more.

    Args:
        answer: The fastest method; all that were timed are of its mode.
        rows: All rows of the comparison.
    """
    missing: dict[str, Row] = {}
    for row in rows:
        if row.exact and row.kind == answer.kind and row.mode != answer.mode and row.status != "ok":
            missing.setdefault(row.mode, row)  # the plainest of its mode
    if not missing:
        return None
    factors = {row.method: _at_least(row, answer) for row in missing.values()}
    beaten = [row for row in missing.values() if factors[row.method] > 1]
    reasons = [_reason(row) for row in missing.values() if row not in beaten]
    if not beaten:
        text = f"{answer.method}, of those timed; {'; '.join(reasons)}"
        return Finding(method=answer.method, text=text)
    over = min(beaten, key=lambda row: factors[row.method])
    factor = factors[over.method]
    text = f"{answer.method}: at least {units.floored(factor)} times faster than {over.method}"
    text = "; ".join([f"{text} ({_bound(over)})", *reasons])
    return Finding(method=answer.method, factor=factor, at_least=True, over=over.method, text=text)


def without_any(rows: Sequence[Row]) -> str:
    """Say why there is no exact derivative to choose from: what is wrong, where, and the cure.

    Args:
        rows: All rows of the comparison.

    Example:
        >>> without_any(())
        'nothing to choose from: no exact derivative was timed'
    """
    tried = [row for row in rows if row.exact and row.kind != "value" and not row.rewrite]
    tried = [row for row in tried if not row.note.startswith(NO_SYMPY)]  # it says nothing of fn
    bad = [row for row in tried if row.status in _NOT_RIGHT]
    if not bad or any(row.status in ("ok", "skipped", "failed") for row in tried):
        return "nothing to choose from: no exact derivative was timed"
    first = min(bad, key=lambda row: _NOT_RIGHT.index(row.status))
    parts = [part for part in first.note.split("; ") if not part.startswith(_VAGUE)]
    head = "possible" if first.status == "impossible" else "right here"
    return f"no exact derivative is {head}: {'; '.join(parts) or first.note}"


def _at_least(row: Row, answer: Row) -> float:
    """Return how many times longer than the answer a row takes at least; 0 if nothing is known."""
    seconds = row.seconds if row.seconds is not None else row.at_least
    known = row.status == "skipped" and seconds is not None and answer.seconds
    return seconds / answer.seconds if known and seconds and answer.seconds else 0.0


def _bound(row: Row) -> str:
    if row.seconds is not None:
        return f"one call of it took {units.seconds(row.seconds)}"
    return f"a call of it takes at least {units.seconds(row.at_least or 0.0)}"


def _reason(row: Row) -> str:
    quoted = _quoted(row.note.split("; ")[0])
    return f"{row.method} {_SAID.get(row.status, row.status)}" + (f" ({quoted})" if quoted else "")


def _quoted(note: str) -> str:
    """Shorten a reason, but never by the line that it names."""
    if len(note) <= _LONGEST:
        return note
    place = _PLACE.search(note)
    end = f" ...{place[0]}" if place else " ..."
    return note[: _LONGEST - len(end)].rsplit(" ", 1)[0].rstrip(",") + end
