"""How many operations a program asks for, as a record; `flops` makes it."""

import html
from dataclasses import dataclass

from .._equality import equal_by_fields


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Flops:
    """Operations of a program: a figure, a range where it branches, or "unknown".

    Attributes:
        low: Operations if every branch takes its cheapest side.
        mean: Operations if every side of a branch is as likely as the others.
        high: Operations if every branch takes its costliest side.
        unknown: What could not be counted and where, such as `"while at net.py:12 (solve)"`; then
            the three figures are lower bounds.
        transcendental: How many of `high` are elementary or special functions, each one operation.
        as_xla: What XLA's rules make of the same program: a loop's body once, the costliest
            branch, nothing inside library calls, one device's share.
        library: How many of `high` happen inside library calls (LAPACK).

    Example:
        >>> from gradwise import Flops
        >>> print(Flops(low=10, mean=15.0, high=20))
        10 to 20, mean 15
    """

    low: int = 0
    mean: float = 0
    high: int = 0
    unknown: tuple[str, ...] = ()
    transcendental: int = 0
    as_xla: int = 0
    library: int = 0

    @property
    def known(self) -> bool:
        """Whether everything could be counted."""
        return not self.unknown

    def __add__(self, other: "Flops") -> "Flops":
        return Flops(
            low=self.low + other.low,
            mean=self.mean + other.mean,
            high=self.high + other.high,
            unknown=tuple(dict.fromkeys(self.unknown + other.unknown)),
            transcendental=self.transcendental + other.transcendental,
            as_xla=self.as_xla + other.as_xla,
            library=self.library + other.library,
        )

    def times(self, trips: int, *, as_xla: int = 1) -> "Flops":
        """Return the operations of `trips` runs of the program, of which XLA counts `as_xla`.

        Example:
            >>> from gradwise import Flops
            >>> print(Flops(low=1, mean=1.5, high=2).times(10))
            10 to 20, mean 15
        """
        return Flops(
            low=self.low * trips,
            mean=self.mean * trips,
            high=self.high * trips,
            unknown=self.unknown if trips else (),
            transcendental=self.transcendental * trips,
            as_xla=self.as_xla * as_xla,
            library=self.library * trips,
        )

    def __str__(self) -> str:
        if self.unknown:
            return f"unknown (at least {self.low:,}; not counted: {', '.join(self.unknown)})"
        if self.low == self.high:
            return f"{self.high:,}"
        return f"{self.low:,} to {self.high:,}, mean {self.mean:,.0f}"

    def __repr__(self) -> str:
        return f"Flops({self})"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(str(self))}</p>"
