"""Plans: which entries of a pattern are read off forward products, and which off reverse ones."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from ...instrument.clock import work_left
from .colours import Colouring, colour
from .stars import mirrored, star

#: How many of the longest rows, or columns, may be taken by themselves, at most.
_MOST_DENSE = 64
#: No star has fewer colours, but where there is nothing beside a diagonal.
_FEW_STARS = 2
#: Seconds for all colourings, if nobody says.
_LIMIT = 5.0


class Plan(NamedTuple):
    """How a pattern is taken: by forward mode, by reverse mode, or some entries by each.

    Attributes:
        forward: A colour for each column, -1 where forward mode does not take it.
        reverse: A colour for each row, -1 where reverse mode does not take it.
        by_forward: `[nnz]`, whether an entry is read off a product of forward mode.
        mirrored: `[nnz]`, whether it is read where its mirror is, of a Hessian.
    """

    forward: Colouring
    reverse: Colouring
    by_forward: np.ndarray
    mirrored: np.ndarray | None = None

    @property
    def count(self) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        """How many products there are."""
        return self.forward.count + self.reverse.count

    @property
    def name(self) -> str:
        """What it is called in a table."""
        sides = [("forward", self.forward.count), ("reverse", self.reverse.count)]
        told = [f"{mode}, {count}" for mode, count in sides if count]
        star = "" if self.mirrored is None else ", star"
        return f"coloured ({' + '.join(told) or 'nothing'}{star})"

    def read_at(self, rows: csr_array) -> tuple[np.ndarray, np.ndarray]:
        """Return the row and the column that each entry of a pattern is read at."""
        row_of = np.repeat(np.arange(rows.shape[0], dtype=np.int64), np.diff(rows.indptr))
        columns = rows.indices.astype(np.int64)
        if self.mirrored is None:
            return row_of, columns
        mirrored = self.mirrored
        return np.where(mirrored, columns, row_of), np.where(mirrored, row_of, columns)


def plans(
    rows: csr_array,
    inputs: Sequence[tuple[int, ...]] = (),
    outputs: Sequence[tuple[int, ...]] = (),
    *,
    left: Callable[[], float] | None = None,
    symmetric: bool = False,
) -> list[Plan]:
    """Return the ways to take a pattern that may be cheapest: forward, reverse, and both.

    A few full rows are taken by reverse mode where forward mode would need a colour for each of
    their entries, and full columns by forward mode beside the others by reverse mode.

    Args:
        rows: The pattern, `[m, n]`.
        inputs: The shapes of the arrays that the columns are the numbers of.
        outputs: The same of the rows.
        left: Tells how many seconds are left; once they are over, colours are no longer shared.
        symmetric: Whether the values are symmetric; then stars are tried, if they save products.

    Example:
        >>> arrow = np.eye(9)
        >>> arrow[0] = arrow[:, 0] = 1
        >>> [plan.name for plan in plans(csr_array(arrow))]
        ['coloured (forward, 9)', 'coloured (reverse, 9)', 'coloured (forward, 2 + reverse, 1)']
    """
    left = left or work_left(_LIMIT)
    across = csr_array(rows.T.tocsr())
    forward, reverse = colour(rows, inputs, left), colour(across, outputs, left)
    every = np.ones(rows.nnz, bool)
    found = [
        Plan(forward, _unused(rows.shape[0]), every),
        Plan(_unused(rows.shape[1]), reverse, ~every),
    ]
    if not rows.nnz:
        return found[:1]
    row_of = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    both = []
    for full in _full_lines(rows):
        columns, lines = _both(rows, full, inputs, left)
        both.append(Plan(columns, lines, ~full[row_of]))
    for full in _full_lines(across):
        lines, columns = _both(across, full, outputs, left)
        both.append(Plan(columns, lines, full[rows.indices]))
    best = min(both, key=lambda plan: plan.count, default=None)
    fewest = min(plan.count for plan in found)
    if best and best.count < fewest:
        found, fewest = [*found, best], best.count
    stars = star(rows, left) if symmetric and fewest > _FEW_STARS else None
    if stars and stars.count < fewest:
        mirror = mirrored(rows, stars)
        if mirror is not None:
            found.append(Plan(stars, _unused(rows.shape[0]), every, mirror))
    return found


def proves(rows: csr_array, plan: Plan) -> bool:
    """Whether each entry can be read off the product that a plan names for it."""
    row_of = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    read, off = plan.read_at(rows)
    sides = (
        (plan.by_forward, (read, off), row_of, rows.indices, rows.shape, plan.forward),
        (~plan.by_forward, (off, read), rows.indices, row_of, rows.shape[::-1], plan.reverse),
    )
    for mine, at, line, across, shape, colouring in sides:
        lines, places_off = at[0][mine], at[1][mine]
        # All entries of a line that a product touches, for lines of which an entry is read off it.
        asked = np.zeros(shape[0], bool)
        asked[lines] = True
        if np.any(colouring.colours[places_off] < 0):
            return False
        touched = asked[line] & (colouring.colours[across] >= 0)
        places = (line[touched], across[touched])
        part = csr_array((np.ones(touched.sum(), np.int8), places), shape=shape)
        counts = csr_array((np.ones(mine.sum(), np.int8), (lines, places_off)), shape=shape)
        if not _alone(part, counts, colouring):
            return False
    return True


def _alone(touched: csr_array, asked: csr_array, colouring: Colouring) -> bool:
    """Whether each entry asked for is the only one of its colour that is touched in its line."""
    count = max(colouring.count, 1)

    def keys(pattern: csr_array) -> np.ndarray:
        line = np.repeat(np.arange(pattern.shape[0], dtype=np.int64), np.diff(pattern.indptr))
        return line * count + colouring.colours[pattern.indices]

    names, times = np.unique(keys(touched), return_counts=True)
    shared = names[times > 1]
    return not np.isin(keys(asked), shared).any()


def unused_plan(rows: csr_array) -> Plan:
    """Return the plan of a pattern that is taken without colours.

    Example:
        >>> unused_plan(csr_array(np.eye(3))).count
        0
    """
    return Plan(_unused(rows.shape[1]), _unused(rows.shape[0]), np.zeros(rows.nnz, bool))


def _unused(size: int) -> Colouring:
    return Colouring(np.full(size, -1, np.int64), 0)


def _full_lines(rows: csr_array) -> list[np.ndarray]:
    """Return sets of the fullest rows, as masks, that stand out from the others."""
    lengths = np.diff(rows.indptr)
    order = np.argsort(-lengths, kind="stable")[: _MOST_DENSE + 1]
    ordered = lengths[order]
    gaps = [
        place for place in range(1, len(order)) if ordered[place - 1] >= 2 * max(ordered[place], 1)
    ]
    masks = []
    for place in gaps[:4]:
        mask = np.zeros(rows.shape[0], bool)
        mask[order[:place]] = True
        masks.append(mask)
    return masks


def _both(
    rows: csr_array,
    full: np.ndarray,
    shapes: Sequence[tuple[int, ...]],
    left: Callable[[], float],
) -> tuple[Colouring, Colouring]:
    """Colour the columns of the other rows, and the full rows by themselves."""
    kept = csr_array(rows[np.flatnonzero(~full)])
    own = colour(csr_array(rows[np.flatnonzero(full)].T.tocsr()), (), left)
    lines = np.full(rows.shape[0], -1, np.int64)
    lines[full] = own.colours
    return colour(kept, shapes, left), Colouring(lines, own.count)
