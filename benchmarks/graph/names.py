"""The names that the user's own variables give to what operations make.

The source line of an operation says what its result is assigned to: `z = w @ x + b` calls its last
operation `z`. Nothing has to be written for it; where a source cannot be read, nothing has a name.
"""

import linecache
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from . import source_text
from .origins import Frame, Origin


class _Open(NamedTuple):
    """The run of operations that one evaluation of a statement has made so far.

    Attributes:
        name: What the statement assigns to.
        level: How deep on the stack the statement is.
        last: The place of the last operation.
        stacks: The stacks of all of them.
    """

    name: str
    level: int
    last: int
    stacks: set[tuple]


def variable_names(origins: Sequence[Origin]) -> list[str]:
    """Return the name of what each operation makes, `""` if it has none.

    Of the operations that one statement makes, those of the functions it calls among them, the last
    one has the name; each pass through a loop gives it again. Where a statement assigns the
    result of a function in which it has another name, the name is that of the outer statement.

    Args:
        origins: Where each operation of a program, or of a loop's body, comes from, in order.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from benchmarks.graph.origins import origin_of
        >>> def layer(w, x):
        ...     z = w @ x + 1
        ...     return jnp.tanh(z)
        >>> program = jax.make_jaxpr(layer)(jnp.ones((2, 3)), jnp.ones(3))
        >>> variable_names([origin_of(eqn) for eqn in program.jaxpr.eqns])
        ['', 'z', '']
    """
    for file in {frame.file for origin in origins for frame in origin.frames if frame.is_own}:
        linecache.checkcache(file)
    try:
        return _names(origins)
    except Exception:  # names are a courtesy, and no graph fails for want of them
        return [""] * len(origins)


def _names(origins: Sequence[Origin]) -> list[str]:
    names: list[dict[int, str]] = [{} for _ in origins]  # by the level of the statement
    running: dict[tuple, _Open] = {}

    def close(key: tuple) -> None:
        done = running.pop(key)
        names[done.last][done.level] = done.name

    for place, origin in enumerate(origins):
        statements = dict(_statements(origin.frames))
        for key in [key for key in running if key not in statements]:
            close(key)
        for key, (level, name) in statements.items():
            seen = running[key].stacks if key in running else set()
            if origin.stacks in seen and _is_next_pass(origin.frames, level):
                close(key)
                seen = set()
            running[key] = _Open(name, level, place, seen | {origin.stacks})
    for key in list(running):
        close(key)
    return [found[min(found)] if found else "" for found in names]


def _statements(frames: Sequence[Frame]) -> Iterator[tuple[tuple, tuple[int, str]]]:
    """Yield the user's assignments that an operation is in, outermost first.

    Each is a key, equal for the operations of one evaluation, with its level and its name.
    """
    for level, frame in enumerate(frames):
        assigned = source_text.read(frame.file).assigned(frame.place) if frame.is_own else None
        if assigned is not None:
            name, place = assigned
            yield (*frames[:level], place), (level, name)


def _is_next_pass(frames: Sequence[Frame], level: int) -> bool:
    """Whether an instruction that runs again begins another pass through the statement's loop.

    It does not if the loop is in a function that the statement calls.
    """
    looping = [source_text.read(frame.file).is_in_loop(frame.place) for frame in frames]
    return any(looping[: level + 1]) and not any(looping[level + 1 :])
