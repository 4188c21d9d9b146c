"""Of methods that are equally good, the one that a reader would type."""

from collections.abc import Sequence

from .row import Row

#: Plain compositions of second order come first: they are what everybody takes.
_USUAL = ("forward_over_reverse", "hvp_forward_over_reverse")
#: The plain modes; every other method is a variation on one.
_PLAIN = ("forward", "reverse", "vjp", "jvp")


def plainest(rows: Sequence[Row], n: int, m: int) -> Row:
    """Return the plainest of some rows: no variation of a mode, and the mode of fewer passes.

    Args:
        rows: Rows that are equally good, the plainest of each mode first.
        n: How many inputs there are, which forward mode walks once for each.
        m: How many outputs there are, which reverse mode walks once for each.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> plainest(EXAMPLE.rows[2:], 5, 1), plainest(EXAMPLE.rows[2:], 1, 5)
        (Row(reverse: ok, 20 us, 2 x value), Row(forward: ok, 60 us, 6 x value))
    """
    passes = {"reverse": m, "forward": n}

    def rank(row: Row) -> tuple[int, float, bool]:
        kind = 0 if row.method in _USUAL else 1 if row.method in _PLAIN else 2
        return kind, passes.get(row.mode, max(n, m)), row.mode != "reverse"

    return min(rows, key=rank)


def plainest_first(answer: Row, equals: Sequence[Row], n: int, m: int) -> tuple[Row, list[Row]]:
    """Return what to name of rows that are equally good, and what it is equal to.

    Of two rows the first stays first; of more the plainest is named, and the others counted.
    """
    if len(equals) == 1:
        return answer, list(equals)
    every = [answer, *equals]
    first = plainest(every, n, m)
    return first, [row for row in every if row is not first]


def told_equals(equals: Sequence[Row]) -> str:
    """Name the row that another is equal to, or say how many there are.

    Example:
        >>> from benchmarks.report.example import EXAMPLE
        >>> told_equals(EXAMPLE.rows[1:2]), told_equals(EXAMPLE.rows[1:3])
        ('numerical', '2 others')
    """
    return equals[0].method if len(equals) == 1 else f"{len(equals)} others"
