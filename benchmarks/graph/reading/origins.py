"""Where an operation comes from: the named scopes and the calls in which it was made."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

from jax.extend.core import JaxprEqn

from ...program.labels import scopes_of
from ...program.source import is_jaxs, is_ours, is_own, is_users

#: Our packages that a user's function calls, which stand beside this one.
_BESIDE = {str(Path(__file__).parents[3] / name): name for name in ("nn", "losses", "train")}


class Frame(NamedTuple):
    """A call on the stack, and where in its source it was.

    Attributes:
        file: The file.
        function: The function, with those that it is defined in: `"dense.<locals>.affine"`.
        place: First line, first column, last line and last column of the expression that was
            evaluated, counted as `ast` does; columns are `None` where Python does not know them.
    """

    file: str
    function: str
    place: tuple[int, int | None, int | None, int | None]

    @property
    def package(self) -> str:
        """Which of our packages it is in: `"nn"`, `"losses"`, `"train"`; else `""`."""
        return _package(self.file)

    @property
    def is_own(self) -> bool:
        """Whether the line is the user's own, and not of a library."""
        return is_own(self.file) and not self.package


@lru_cache(maxsize=1024)
def _package(file: str) -> str:
    folders = map(str, Path(file).parents)
    return next((_BESIDE[folder] for folder in folders if folder in _BESIDE), "")


class Origin(NamedTuple):
    """Where an operation comes from.

    Attributes:
        scopes: The named scopes that it is in, outermost first.
        frames: The calls that it was made in, outermost first, those of JAX left out.
        stacks: All calls, as JAX notes them: equal for what one instruction makes again.
        results: How many arrays it makes.
    """

    scopes: tuple[str, ...] = ()
    frames: tuple[Frame, ...] = ()
    stacks: tuple[Any, ...] = ()
    results: int = 1


def origin_of(eqn: JaxprEqn, outside: Origin = Origin()) -> Origin:  # noqa: B008  (it is constant)
    """Return where an equation comes from.

    Args:
        eqn: The equation.
        outside: Where the equation comes from in whose place the program stands that this one is
            in, such as a `jit`'s; for the body of a loop, which has groups and names of its own,
            none.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> @jax.named_scope("layer")
        ... def layer(x):
        ...     return jnp.sin(x)
        >>> program = jax.make_jaxpr(jax.vmap(layer))(jnp.ones(3))
        >>> origin = origin_of(program.jaxpr.eqns[0])
        >>> origin.scopes, [frame.function for frame in origin.frames][-1]
        (('layer',), 'layer')
    """
    stack = eqn.source_info.traceback
    frames = _frames(stack) if stack else ()
    return Origin(
        scopes=(*outside.scopes, *scopes_of(eqn)),
        frames=(*outside.frames, *frames),
        stacks=(*outside.stacks, stack),
        results=len(eqn.outvars),
    )


@lru_cache(maxsize=4096)  # the equations that one line makes share one stack
def _frames(stack: Any) -> tuple[Frame, ...]:
    """Return the calls of a stack, outermost first, from where we called the function."""
    try:
        inner = itertools.takewhile(lambda frame: not is_ours(frame.file), _all_frames(stack))
        return tuple(frame for frame in inner if is_users(frame.file))[::-1]
    except Exception:  # a name less is better than no graph
        return ()


def _all_frames(stack: Any) -> Iterator[Frame]:
    """Yield the calls of a stack, innermost first."""
    for code, instruction in zip(*stack.raw_frames(), strict=True):
        if not is_jaxs(code.co_filename):
            line, last, first_column, last_column = _places(code)[instruction // 2]
            place = line or code.co_firstlineno, first_column, last, last_column
            yield Frame(code.co_filename, code.co_qualname, place)


@lru_cache(maxsize=1024)
def _places(code: CodeType) -> list[tuple[int | None, int | None, int | None, int | None]]:
    return list(code.co_positions())
