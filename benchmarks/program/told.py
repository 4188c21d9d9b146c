"""What is told of the leaves of a function's inputs and outputs."""

from collections.abc import Iterable

import jax
import numpy as np

#: Leaves that a sentence names; of more it tells the number.
_NAMED = 3
#: Letters of a value that are shown.
_LONGEST = 60


def sentences(pairs: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return one sentence for each text, with the names of all leaves that it is said of.

    Args:
        pairs: Names, and the text of each, in which `{is}` stands for "is" or "are".

    Example:
        >>> sentences([("argument 1", "{is} held fixed"), ("argument 2", "{is} held fixed")])
        ('argument 1 and argument 2 are held fixed',)
    """
    names: dict[str, list[str]] = {}
    for name, text in pairs:
        names.setdefault(text, []).append(name)
    return tuple(
        f"{_listed(them)} {text.replace('{is}', 'is' if len(them) == 1 else 'are')}"
        for text, them in names.items()
    )


def _listed(names: list[str]) -> str:
    """Write `a, b and 3 more`."""
    more = [f"{len(names) - _NAMED:,} more"] if len(names) > _NAMED else []
    *first, last = [*names[:_NAMED], *more]
    return f"{', '.join(first)} and {last}" if first else last


def described(value: object) -> str:
    """Say what a value is, in a few words.

    Example:
        >>> described(np.ones(3)), described("mean")
        ('an array of float64', "str 'mean'")
    """
    if isinstance(value, (jax.Array, np.ndarray)):
        return f"an array of {value.dtype}"
    whole = " ".join(f"{type(value).__name__} {value!r}".split())
    return whole if len(whole) <= _LONGEST else f"{whole[:_LONGEST]}..."
