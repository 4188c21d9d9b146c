"""What a combinator is made of and what a layer is called, for `summary` and for named scopes.

A layer is two functions, and what a function was made from cannot be seen in it. So a combinator
leaves a note on its `apply`. A layer without one, such as a user's own combinator, is shown whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import jax

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
    plain: bool  # whether it only runs its one part, and is called by that: "frozen dense"


def made_of(
    layer: Layer,
    *parts: Layer,
    rebuild: Callable[..., Layer],
    indexed: bool = False,
    copies: int = 1,
    word: str = "",
    plain: bool = False,
) -> Layer:
    """Return `layer` with a note of what it is made of."""
    note = Anatomy(layer.apply, parts, rebuild, indexed, copies, word, plain)
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


def kind_of(layer: Layer) -> str:
    """Return what kind of layer it is, in a word or a few: `"dense"`, `"relu"`, `"frozen dense"`.

    It is the name without the sizes, and holds no slash, which would make two scopes of one.
    """
    note = anatomy(layer)
    if note is not None and note.plain:
        return " ".join(filter(None, [note.word, *map(kind_of, note.parts)]))
    kind = name_of(layer).partition("(")[0]
    return kind.strip("<>").replace("/", " ") or "layer"


@contextmanager
def scope(layer: Layer, place: int | None = None) -> Iterator[None]:
    """Run a layer inside of a combinator in a named scope, as `"0 dense"`.

    A scope changes no program. It names the layer in a computational graph, in the text of a
    compiled program and in a profile, and in JAX's errors of arrays that are spread over a mesh. A
    `serial` that is the only part of a combinator has no scope: its own parts say what they are.

    Args:
        layer: The layer.
        place: Its entry in the parameters of the combinator, where that holds several layers.
    """
    note = anatomy(layer)
    is_named = place is not None or note is None or not note.indexed
    name = kind_of(layer) if place is None else f"{place} {kind_of(layer)}"
    with jax.named_scope(name) if is_named else nullcontext():
        try:
            yield
        except Exception as error:
            # JAX's class has no public name.
            if type(error).__name__ == "ShardingTypeError" and is_named:
                error.add_note(
                    f'in layer "{name}": on a mesh of explicit axes it must say where the result '
                    "of spread arrays lies, as jnp.matmul(x, w, out_sharding=...) does; or spread "
                    "its parameters over no axis, or make the axes of type Auto"
                )
            raise
