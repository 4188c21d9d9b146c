"""A part of a program as a function of its own, in its own types and in wide ones."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from ...check.float64 import is_wide
from ...program.jaxpr import trace
from ...program.widening import widened

_Run = Callable[..., list[Any]]


class Piece(NamedTuple):
    """A program that is run in the types of what it is given.

    The check of a derivative is in float64, of the very same piece: another trace might be of
    another function.

    Attributes:
        own: Runs it in the types that it was traced in.
        wide: Runs it with its floats widened; called under `jax.enable_x64(True)`.
        types: The types of its inputs.
    """

    own: _Run
    wide: _Run
    types: tuple[Any, ...]

    def __call__(self, *inputs: Any) -> list[Any]:
        """Run it."""
        same = tuple(leaf.dtype for leaf in inputs) == self.types
        return (self.own if same and not is_wide() else self.wide)(*inputs)


def piece_of(fn: Callable[..., Sequence[Any]], inputs: Sequence[Any]) -> Piece:
    """Trace a function of flat arrays to flat arrays, such as a part of a program.

    Example:
        >>> import jax.numpy as jnp
        >>> piece = piece_of(lambda x: [x / 3], [jnp.float32(1)])
        >>> with jax.enable_x64(True):
        ...     print(piece(jnp.float32(1))[0], piece(jnp.float64(1))[0])
        0.33333334 0.3333333333333333
    """
    program = trace(fn, *inputs)
    return Piece(_as_function(program), widened(program), _types(program))


def _as_function(program: ClosedJaxpr) -> _Run:
    run = jaxpr_as_fun(program)
    return lambda *inputs: list(run(*inputs))


def _types(program: ClosedJaxpr) -> tuple[Any, ...]:
    return tuple(aval.dtype for aval in program.in_avals)


def struct_of(aval: Any) -> jax.ShapeDtypeStruct:
    """Return a variable's type as one to trace at."""
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=getattr(aval, "weak_type", False))
