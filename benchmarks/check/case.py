"""A case that a cure is looked for: an operation, and what is wrong with it or its rule."""

from typing import NamedTuple

from ..program.jaxpr import names
from .uses import Use


class Case(NamedTuple):
    """An operation of the user's function, and what is wrong with it or its rule.

    Attributes:
        operation: Its name, such as `"sqrt"`.
        fault: `"NaN"`, `"infinity"`, `"overflow"` and the like.
        derived: Whether it is its derivative.
        names: The functions of JAX that it is inside of, such as `"norm"`.
        use: The operation among those before and after it; `None` if unknown.
        dtype: The type of its result.
        rule: The function of JAX with a rule of its own that it is inside of, such as `"xlogy"`.
        numbers: What went into the operation at that entry, `None` for what is no single number.
        infinite: Whether an infinity went into what went wrong.
    """

    operation: str
    fault: str
    derived: bool
    names: frozenset[str]
    use: Use | None
    dtype: str
    rule: str = ""
    numbers: tuple[float | None, ...] = ()
    infinite: bool = False

    @property
    def pole(self) -> bool:
        """Whether something is not finite that is so in every type."""
        return self.fault in ("NaN", "infinity")

    def within(self, text: str) -> bool:
        """Whether it is inside of one of these functions of JAX."""
        return not self.names.isdisjoint(names(text))
