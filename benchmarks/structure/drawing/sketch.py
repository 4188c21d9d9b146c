"""The record of a pattern in few words and few cells: what a picture of it needs."""

from dataclasses import dataclass

from ..._equality import equal_by_fields
from .picture import drawn_as_svg

#: What stands for a cell without an entry, and for one of each fifth of the fullest.
EMPTY, LEVELS = ".", "12345"


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Sketch:
    """A sparsity pattern, as coarse as a picture shows it.

    Attributes:
        m: How many rows the pattern has, the numbers of the outputs.
        n: How many columns, the numbers of the inputs.
        entries: How many numbers of the Jacobian may be other than zero.
        lines: A letter for each cell: `.` for none, `1` to `5` for how full it is.
        said: What is to be said of it: a band, parts that share nothing.

    Example:
        >>> from gradwise import Sketch
        >>> half = Sketch(m=4, n=4, entries=2, lines=("5...", ".5..", "....", "...."))
        >>> half, half.cells
        (Sketch(4 x 4, 2 entries), 2)
        >>> print(half)
        5...
        .5..
        ....
        ....
    """

    m: int
    n: int
    entries: int
    lines: tuple[str, ...]
    said: tuple[str, ...] = ()

    @property
    def cells(self) -> int:
        """How many cells have an entry."""
        return sum(len(line) - line.count(EMPTY) for line in self.lines)

    def svg(self, name: str = "", *, alone: bool = False) -> str:
        """Return it as an SVG element: a mark for each cell that has an entry, and what is said.

        Args:
            name: What it is the pattern of.
            alone: Whether it is a file of its own, which brings its colours for light and dark.

        Example:
            >>> from gradwise import Sketch
            >>> picture = Sketch(m=1, n=2, entries=1, lines=("5.",)).svg("half")
            >>> picture[:4], picture.count("h.9")
            ('<svg', 1)
        """
        return drawn_as_svg(self, name, alone=alone)

    def _repr_html_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        return f"Sketch({self.m:,} x {self.n:,}, {self.entries:,} entries)"

    def __str__(self) -> str:
        return "\n".join([*self.lines, *self.said])
