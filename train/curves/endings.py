"""How a training can end."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Ending: TypeAlias = Literal["running", "finished", "patience", "stop", "failed", "interrupted"]

#: All of them, the one that is no end first. A history holds the place of its ending in this list,
#: a number, so that it comes out of `jit` and `vmap`.
ENDINGS: tuple[Ending, ...] = get_args(Ending)


def ending_number(name: str) -> int:
    """Return the place of an ending in `ENDINGS`.

    Raises:
        ValueError: If there is no such ending.

    Example:
        >>> ending_number("finished")
        1
    """
    if name not in ENDINGS:
        raise ValueError(f"ending must be one of {', '.join(ENDINGS)}, got {name!r}")
    return ENDINGS.index(name)
