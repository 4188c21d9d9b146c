"""Modules of libraries that write no named scopes, by the calls on the stack.

Flax's linen and haiku name each module by a scope, equinox its own ones; flax's nnx names none, and
equinox none of the user's.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from . import source_text
from .origins import Frame

_CALL = re.compile(r"(?:.*\.)?(\w+)\.__call__")
_LIBRARY = re.compile(r"[/\\\\]flax[/\\\\]nnx[/\\\\]")
_BASES = {"nnx.Module", "eqx.Module", "equinox.Module"}


def modules_of(frames: Sequence[Frame]) -> tuple[str, ...]:
    """Return the modules that an operation is in, outermost first, such as `"hidden Linear"`.

    Args:
        frames: The calls that it was made in, outermost first.
    """
    callers = (None, *frames)
    found = (_module(caller, frame) for caller, frame in zip(callers, frames, strict=False))
    return tuple(name for name in found if name)


@lru_cache(maxsize=4096)
def _module(caller: Frame | None, frame: Frame) -> str:
    """Return what a module that is called is called, by its attribute and its class."""
    match = _CALL.fullmatch(frame.function)
    if match is None:
        return ""
    kind = match.group(1)
    if not _LIBRARY.search(frame.file) and not source_text.read(frame.file).bases(kind) & _BASES:
        return ""
    called = source_text.read(caller.file).called(caller.place) if caller else ""
    place = called.removeprefix("self.") if called.startswith("self.") else ""
    return f"{place} {kind}".strip()
