"""Which value of a labelled program each residual is, or which equation it is kept for."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal

from .inputs import Inputs, Leaves
from .jaxpr import dtype
from .labels import label_of, scope_of
from .residuals import Residual, leaves_of, with_residuals
from .walk import bind, interpret, no_call

#: What two programs must agree on to be taken to keep the same: the operation, the shape, the
#: type, and the value if it is one number.
_Key: TypeAlias = tuple[str, tuple[int, ...], str, str]
_CONSTANT = "constant"


class Place(NamedTuple):
    """What a residual is in a labelled program; at most one of the three is known.

    Attributes:
        label: The number of the equation that made it, or that it is kept for.
        input: The place of the program's input that it is.
        constant: The place of the program's constant that it is.
    """

    label: int | None = None
    input: int | None = None
    constant: int | None = None


def kept_by_label(
    fn: Callable[..., object], way: Inputs, program: ClosedJaxpr
) -> tuple[tuple[Residual, Place], ...]:
    """Return `residuals` of a function, each with its place in the function's labelled program.

    They are in the order of the leaves of `jax.vjp`, not by size. The function itself and its
    labelled program keep the same, except that the program does not know the lines of custom
    rules, and that a number that stands in it is no array. So the residuals are those of the
    function. The places are those of the program, run on arrays for its numbers.

    Args:
        fn: The function.
        way: Its inputs.
        program: `labelled(jax.make_jaxpr(way.arrays_only(fn))(way.x, way.fixed))`, dead code
            included, since reverse mode may keep something for it.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from benchmarks.program.inputs import sort_inputs
        >>> from benchmarks.program.labels import labelled
        >>> fn, way = lambda x: jnp.sin(x) * 2, sort_inputs((jnp.ones(3),), None)
        >>> program = labelled(jax.make_jaxpr(way.arrays_only(fn))(way.x, way.fixed))
        >>> for residual, place in kept_by_label(fn, way, program):
        ...     print(residual.what, residual.bytes, place.label)
        cos 12 0
        constant 4 1
    """
    own = leaves_of(with_residuals(way.arrays_only(fn), way.x, way.fixed), way.names_in_order)
    keys = [_key(residual, made.source) for residual, made in own]
    placed = _placed(program, way)
    found = _aligned(keys, [key for key, _ in placed])
    pairs = zip(own, found, strict=True)
    return tuple((leaf, Place() if i is None else placed[i][1]) for (leaf, _), i in pairs)


def _placed(program: ClosedJaxpr, way: Inputs) -> list[tuple[_Key, Place]]:
    """Return what a labelled program keeps, and where each of it is.

    The constants and numbers of the program are further inputs to it here, so that they can be
    told apart: a number is kept for the equation that it stands in.
    """
    numbers = _numbers(program)
    own, more = len(way.fixed), tuple(value for value, _ in numbers)

    def arrays(x: Leaves, fixed: Leaves) -> list[jax.Array]:
        values = iter(fixed[own:])
        inputs = [*x, *fixed[:own]]
        results = interpret(program, inputs, _run, lift=lambda *_: next(values), entered=no_call)
        return [y for y in results if jnp.issubdtype(y.dtype, jnp.inexact)]

    differentiated = with_residuals(arrays, way.x, (*way.fixed, *more))
    inputs = len(way.x) + own
    placed: list[tuple[_Key, Place]] = []
    for residual, made in leaves_of(differentiated, way.names_in_order + ("",) * len(more)):
        if made.storage != "input":
            placed.append((_key(residual, made.source), Place(label=made.label)))
        elif made.source < inputs:
            placed.append((_key(residual), Place(input=made.source)))
        else:
            value, where = numbers[made.source - inputs]
            placed.append((_key(replace(residual, what=_CONSTANT), value), where))
    return placed


def _numbers(program: ClosedJaxpr) -> list[tuple[jax.Array, Place]]:
    """Return the constants and the numbers of a program, in the order in which they are read."""
    constants = [(value, Place(constant=k)) for k, value in enumerate(program.consts)]
    reads = [(atom, Place(label_of(eqn))) for eqn in program.jaxpr.eqns for atom in eqn.invars]
    reads += [(atom, Place()) for atom in program.jaxpr.outvars]
    literals = [(atom, where) for atom, where in reads if isinstance(atom, Literal)]
    return constants + [(np.asarray(a.val, dtype(a)), where) for a, where in literals]


def _run(eqn: JaxprEqn, operands: list[jax.Array], line: str) -> list[jax.Array]:
    """Do an equation again, under its label."""
    del line
    label = label_of(eqn)
    with nullcontext() if label is None else jax.named_scope(scope_of(label)):
        return bind(eqn, operands)


def _key(residual: Residual, value: Any = None) -> _Key:
    number = ""
    if residual.what == _CONSTANT and residual.shape == () and np.ndim(value) == 0:
        number = str(np.asarray(value))
    return residual.what, residual.shape, residual.dtype, number


def _aligned(keys: Sequence[_Key], others: Sequence[_Key]) -> list[int | None]:
    """Return the place among `others` of each key, in order.

    `others` may hold constants more. Where shapes or types differ, no place is known.
    """
    places: list[int | None] = []
    start = 0
    for key in keys:
        ahead = range(start, len(others))
        if key[0] == _CONSTANT:
            stop = next((i for i in ahead if others[i][0] != _CONSTANT), len(others))
            place = next((i for i in range(start, stop) if others[i] == key), None)
        else:
            place = next((i for i in ahead if others[i][0] != _CONSTANT), None)
            # A change of type alone, from a number's weak one, may be left out in one of the two.
            if place is None or others[place][1:3] != key[1:3]:
                return [None] * len(keys)
        places.append(place)
        start = start if place is None else place + 1
    return places
