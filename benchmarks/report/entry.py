"""A word of the glossary."""

from typing import NamedTuple


class Entry(NamedTuple):
    """What a word means.

    Attributes:
        short: One sentence, which also stands beside a table.
        more: What follows from it.
        example: A case with numbers.
    """

    short: str
    more: str
    example: str

    def __str__(self) -> str:
        return "\n".join(self)
