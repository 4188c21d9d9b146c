"""What advice is worth: the rewrites that were carried out against the function as it was."""

from collections.abc import Sequence
from dataclasses import replace

from ..derivatives.rewrites import REWRITES
from ..instrument import units
from ..program.patterns import Advice
from .row import Row

#: A gain up to this is none.
_NOTHING = 1.1
#: How much of a figure is told as "less" of it.
_LESS = {"seconds": "faster", "bytes": "less memory", "compile_seconds": "faster to compile"}


def with_gains(advice: Sequence[Advice], rows: Sequence[Row]) -> tuple[Advice, ...]:
    """Return advice with what its rewrites were measured to gain, the weightiest first.

    Example:
        >>> with_gains((), ())
        ()
    """
    measured = [_measured(each, rows) for each in advice]
    return tuple(sorted(measured, key=lambda each: -each.weight))


def _measured(advice: Advice, rows: Sequence[Row]) -> Advice:
    """Return advice with the row of its rewrite, if there is a right one, and what that gains."""
    rewrite = REWRITES.get(advice.pattern)
    row = next((row for row in rows if rewrite and row.method == rewrite.row), None)
    if rewrite is None or row is None or row.status != "ok":
        return advice
    advice = replace(advice, row=row.method)
    rivals = [one for one in rows if one.kind == row.kind and not one.rewrite and _counts(one)]
    if rewrite.gain != "seconds":
        rivals = [one for one in rivals if one.mode == row.mode]
    figures = [figure for one in rivals if (figure := getattr(one, rewrite.gain))]
    own = getattr(row, rewrite.gain)
    if not figures or not own:
        return advice
    gain = min(figures) / own
    told = f"{units.times(gain)} times {_LESS[rewrite.gain]} than any way without it"
    told = told if gain > _NOTHING else "nothing at these inputs"
    return replace(advice, measured=gain, saves=f"{advice.saves}; measured here: {told}")


def _counts(row: Row) -> bool:
    return row.status == "ok" and row.exact and row.samples is not None
