"""What is known of one of several functions that are compared."""

from dataclasses import dataclass

from .._equality import equal_by_fields
from ..instrument import units
from ..instrument.text import html_pairs
from .row import Row


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class FunctionRow:
    """What is known of one of several functions, and of its derivative.

    Attributes:
        name: What the function is called.
        value: The function itself.
        derivative: Its derivative by the fastest mode that is right; `None` if none is.
        differs: How its results differ from those of the first function, and where; `""` if they
            are equal but for rounding.

    Example:
        >>> from gradwise import FunctionRow, Row
        >>> value = Row(method="value", mode="none", kind="value", status="ok", seconds=2e-5)
        >>> FunctionRow(name="direct", value=value)
        FunctionRow(direct: 20 us, no derivative)
    """

    name: str
    value: Row
    derivative: Row | None = None
    differs: str = ""

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (samples have no hash)

    def __repr__(self) -> str:
        derivative = time_told(self.derivative) if self.derivative else ""
        told = f"{derivative} by {self.derivative.method}" if self.derivative else "no derivative"
        return f"FunctionRow({self.name}: {time_told(self.value)}, {told})"

    def _repr_html_(self) -> str:
        return html_pairs([(self.name, self.value), ("derivative", self.derivative)])


def time_told(row: Row) -> str:
    """Return the time of a row in words, or why there is none."""
    return units.seconds(row.seconds) if row.seconds is not None else row.status


def ratio_told(row: Row | None) -> str:
    """Return how many times the time of the first function a row takes, in words."""
    return units.times(row.ratio.median) if row and row.ratio else ""
