"""The memory that a program needs, as a record; `compile` makes it."""

from dataclasses import dataclass

from .._equality import equal_by_fields


@equal_by_fields
@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes that one execution of a program needs, as XLA planned them.

    Attributes:
        temporary: Bytes of intermediate results.
        argument: Bytes of the arguments.
        output: Bytes of the result.
        alias: Bytes of the result that lie in the memory of the arguments.

    Example:
        >>> from gradwise import Memory
        >>> Memory(temporary=100, argument=40, output=40, alias=40).total
        140
    """

    temporary: int
    argument: int
    output: int
    alias: int

    @property
    def total(self) -> int:
        """Temporary + argument + output - alias: intermediate results can lie in the output."""
        return self.temporary + self.argument + self.output - self.alias
