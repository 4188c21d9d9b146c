"""What `explain_nonfinite` returns: what went wrong first, where, why, and what to type instead."""

import html
import textwrap
from dataclasses import dataclass

from .._equality import equal_by_fields
from ..program.custom_rules import OF_USERS

_WIDTH = 79
#: What each of the three is called.
CALLED = {
    "value": "the value",
    "forward": "the derivative in forward mode",
    "reverse": "the derivative in reverse mode",
}
#: What happens to a number that float64 would hold.
_OF_DIGITS = ("cancellation", "overflow", "rounding", "underflow")


@equal_by_fields
@dataclass(frozen=True, kw_only=True, repr=False)
class Explanation:
    """Where the first NaN, infinity or lost digit of a function or its derivative is made.

    Attributes:
        what: `"NaN"`, `"infinity"`, `"cancellation"`, `"overflow"`, `"underflow"` or
            `"rounding"`; `""` if everything is finite and has its digits, or nobody knows.
        where: `"value"`, `"forward"` or `"reverse"`: what it was found in.
        modes: All of the three that are not finite or have no digits.
        operation: The operation of the user's function, such as `"sqrt"`.
        derived: Whether it is the rule of the operation that fails, not its value.
        line: The user's line, and that of the library that it calls.
        scope: The named scopes that it is in, such as the layer `"0 dense"`.
        turns: The turns of the loops that it is in, the outermost first.
        happened: The numbers that went in and what came out.
        behind: The `where` that does not take what is not finite, `""` if none.
        cure: What to do.
        code: What to type.
        note: What there is to say beside it.
        unknown: Why something could not be told, `""` if all was.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import explain_nonfinite
        >>> explain_nonfinite(jnp.sqrt, 0.0).operation
        'sqrt'
    """

    what: str = ""
    where: str = ""
    modes: tuple[str, ...] = ()
    operation: str = ""
    derived: bool = False
    line: str = ""
    scope: str = ""
    turns: tuple[str, ...] = ()
    happened: str = ""
    behind: str = ""
    cure: str = ""
    code: str = ""
    note: str = ""
    unknown: str = ""

    @property
    def fine(self) -> bool:
        """Whether everything is finite and has its digits."""
        return not self.modes and not self.unknown

    @property
    def sentence(self) -> str:
        """What goes wrong first, and where, in one line.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import explain_nonfinite
            >>> explain_nonfinite(jnp.sqrt, 0.0).sentence
            'infinity in the derivative of `sqrt`: 0.5 / 0 = inf, at sqrt(0)'
        """
        if not self.what:
            return self.unknown or "everything is finite"
        if not self.operation:
            return f"{self.what} in {self.happened}"
        of = self.operation if self.operation.startswith(OF_USERS) else f"`{self.operation}`"
        of = f"the derivative of {of}" if self.derived else of
        scope = f" of {self.scope}" if self.scope else ""
        called = ", called" if self.operation.startswith(OF_USERS) else ""
        place = f"{called} at {self.line}" if self.line else ""
        turns = "".join(f", {turn}" for turn in self.turns)
        behind = f"; {self.behind}" if self.behind else ""
        return f"{self.what} in {of}{scope}{place}{turns}: {self.happened}{behind}"

    @property
    def advice(self) -> str:
        """The sentence and the cure, in one line.

        Example:
            >>> import jax.numpy as jnp
            >>> from gradwise import explain_nonfinite
            >>> explain_nonfinite(lambda x: jnp.log(x), 0.0).advice.partition("; ")[2][:13]
            'use two jnp.w'
        """
        return self.sentence + (f"; use {self.cure}" if self.cure else "")

    def __repr__(self) -> str:
        if not self.what:
            return f"Explanation({'fine' if self.fine else 'not found'})"
        return f"Explanation({self.what} in {self.operation or 'an input'}, {self.where})"

    def __str__(self) -> str:
        if self.fine:
            note = f" ({self.note})" if self.note else ""
            return f"everything is finite, and has its digits{note}"
        lines = _wrapped("", self._head())
        for name, text in (("first", self.what and self.sentence), ("note", self.note)):
            lines += _wrapped(name, text) if text else []
        lines += _wrapped("use", self.cure) if self.cure else []
        lines += [f"         {line}" for line in self.code.splitlines()]
        return "\n".join(lines)

    def _head(self) -> str:
        """Say what is not finite, or has no right digit."""
        if not self.modes:
            return f"it could not be told whether everything is finite: {self.unknown}"
        bad = "has no right digit" if self.what in _OF_DIGITS else "is not finite"
        derived = [f"in {mode} mode" for mode in self.modes if mode != "value"]
        text = f"the derivative {bad}, {' and '.join(derived)}" if derived else ""
        if "value" in self.modes:
            text = f"the value {bad}" + (f"; {text}" if text else "")
        which = "which operation is first could not be told"
        return f"{text}; {which}: {self.unknown}" if self.unknown else text

    def _repr_html_(self) -> str:
        return f"<pre style='font-family: monospace'>{html.escape(str(self))}</pre>"


def _wrapped(name: str, text: str) -> list[str]:
    """Write a text beside its name, in lines that a terminal does not wrap."""
    first = f"  {name:6} " if name else ""
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=" " * 9,
        break_long_words=False,
        break_on_hyphens=False,
    )
