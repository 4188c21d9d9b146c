"""What a combinator is made of, so that `summary` can look at the layers inside of it.

A layer is two functions, and what a function was made from cannot be seen in it. So a combinator
leaves a note on its `apply`. A layer without one, such as a user's own combinator, is shown whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .layer import Layer


@dataclass(frozen=True)
class Anatomy:
    """The layers inside a combinator, and how to make the combinator of others in their place."""

    apply: Callable[..., Any]
    parts: tuple[Layer, ...]
    rebuild: Callable[..., Layer]  # rebuild(*parts)
    indexed: bool  # whether the parameters are a tuple with one entry a part
    copies: int  # how often the parts are run, each time with parameters of their own
    word: str  # what the combinator makes of its parts


def made_of(
    layer: Layer,
    *parts: Layer,
    rebuild: Callable[..., Layer],
    indexed: bool = False,
    copies: int = 1,
    word: str = "",
) -> Layer:
    """Return `layer` with a note of what it is made of."""
    note = Anatomy(layer.apply, parts, rebuild, indexed, copies, word)
    vars(layer.apply)["anatomy"] = note
    return layer


def anatomy(layer: Layer) -> Anatomy | None:
    """Return what a layer is made of, None if that is not known.

    `functools.wraps` copies notes to functions that do something else, so a note names its own.
    """
    note = getattr(layer.apply, "anatomy", None)
    return note if isinstance(note, Anatomy) and note.apply is layer.apply else None


def name_of(layer: Layer) -> str:
    """Return the name of a layer: what its factory called it, or the factory's own name."""
    name = getattr(layer.apply, "__qualname__", type(layer.apply).__name__)
    return name.removesuffix(".<locals>.apply").rpartition("<locals>.")[2]
