"""The names that the user's own variables give to what operations make.

The source line of an operation says what its result is assigned to: `z = w @ x + b` calls its last
operation `z`. Nothing has to be written for it; where a source cannot be read, nothing has a name.
"""

import linecache
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from . import source_text
from .origins import Frame, Origin
from .returned import is_next_pass, maker
from .source_text import Target


class _Evaluation(NamedTuple):
    """The run of operations that one evaluation of a statement has made so far.

    Attributes:
        targets: What the statement assigns to.
        level: How deep on the stack the statement is.
        members: The places of the operations.
        stacks: The stacks of all of them.
    """

    targets: list[Target]
    level: int
    members: list[int]
    stacks: set[tuple]


def variable_names(origins: Sequence[Origin]) -> list[str]:
    """Return the name of what each operation makes, `""` if it has none.

    Of the operations that one statement makes, those of the functions it calls among them, the last
    one has the name; each pass through a loop gives it again. Where a statement assigns the
    result of a function in which it has another name, the name is that of the outer statement.
    `a, b = f(x)` names what `f` returns, as far as its source says which operations made that.

    Args:
        origins: Where each operation of a program, or of a loop's body, comes from, in order.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from benchmarks.graph.reading.origins import origin_of
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
    running: dict[tuple, _Evaluation] = {}

    def close(key: tuple) -> None:
        done = running.pop(key)
        for target in done.targets:
            place = maker(origins, done.members, done.level, target)
            if place is not None:
                names[place].setdefault(done.level, target.name)

    for place, origin in enumerate(origins):
        statements = dict(_statements(origin.frames))
        for key in [key for key in running if key not in statements]:
            close(key)
        for key, (level, targets) in statements.items():
            again = key in running and origin.stacks in running[key].stacks
            if again and is_next_pass(origin.frames, level):
                close(key)
            known = running.setdefault(key, _Evaluation(targets, level, [], set()))
            known.members.append(place)
            known.stacks.add(origin.stacks)
    for key in list(running):
        close(key)
    return [found[min(found)] if found else "" for found in names]


def _statements(frames: Sequence[Frame]) -> Iterator[tuple[tuple, tuple[int, list[Target]]]]:
    """Yield the user's assignments that an operation is in, outermost first.

    Each is a key, equal for the operations of one evaluation, with its level and its targets.
    """
    for level, frame in enumerate(frames):
        if frame.is_own:
            place, targets = source_text.read(frame.file).targets(frame.place)
            if targets:
                yield (*frames[:level], place), (level, targets)
