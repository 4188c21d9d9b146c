"""What to write instead of a pattern in a program: the record, its text, and what it weighs."""

import html
import textwrap
from dataclasses import dataclass

from .._equality import equal_by_fields


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Advice:
    """One thing in a function that makes its derivative dear, where it is, and what to write.

    Attributes:
        pattern: What is found, by the name of its family, such as `"carried buffer"`.
        what: The same in a sentence, with its numbers.
        line: The user's line, `file.py:12 (function)`; `""` where no line is to blame.
        cure: What to do, in a few words.
        code: What to type.
        saves: What that saves, in words.
        factor: How many times less it takes by a count of operations or bytes: what advice is
            ranked by as long as nothing is measured.
        row: The row of the comparison that takes the derivative of the function so rewritten; `""`
            where gradwise does not carry the cure out.
        measured: How many times faster that row is than the best without; `None` without one.

    Example:
        >>> from gradwise import Advice
        >>> advice = Advice(
        ...     pattern="inverse", what="`inv` of a [9, 9] matrix is only multiplied by",
        ...     line="model.py:7 (step)", cure="solve", code="x = jnp.linalg.solve(A, b)",
        ...     saves="3 times the operations", factor=3.0,
        ... )
        >>> print(advice)
        `inv` of a [9, 9] matrix is only multiplied by, at model.py:7 (step): solve
            x = jnp.linalg.solve(A, b)
        saves 3 times the operations
    """

    pattern: str
    what: str
    line: str
    cure: str
    code: str
    saves: str
    factor: float
    row: str = ""
    measured: float | None = None

    @property
    def weight(self) -> float:
        """What advice is ranked by: what is measured, or else what is counted."""
        return self.factor if self.measured is None else self.measured

    @property
    def heading(self) -> str:
        """What is found, where, and what to do."""
        place = f", at {self.line}" if self.line else ""
        return f"{self.what}{place}: {self.cure}"

    def __str__(self) -> str:
        return "\n".join([self.heading, textwrap.indent(self.code, "    "), f"saves {self.saves}"])

    def __repr__(self) -> str:
        return f"Advice({self.pattern}{self.line and f' at {self.line}'}: {self.cure})"

    def _repr_html_(self) -> str:
        head, code, saves = map(html.escape, (self.heading, self.code, self.saves))
        return f"<p>{head}</p><pre>{code}</pre><p>saves {saves}</p>"
