"""Whether a function computes for one example alone what it does for each of a batch.

Its program at a batch of one is what is mapped over the examples. JAX leaves out an axis of one
here and there, so that the two programs cannot be read side by side line by line.
"""

import itertools
import math
from collections import defaultdict
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal

from ...program.jaxpr import Atom, dtype, kind, names, shape
from ...program.walk import equations
from .along import Pair, alike, is_at_place
from .lengths import INSIDE, as_numbers, same_numbers

#: Operations that come and go with an axis of one.
_AT_ANY_LENGTH = names(
    "broadcast_in_dim copy jit reduce_sum reshape slice squeeze transpose convert_element_type"
)


def same_work(one: ClosedJaxpr, other: ClosedJaxpr, count: int) -> bool:
    """Whether the program of one example does to it what that of `count` does to each.

    Of each kind the operations are compared in their order: the types and sizes of what they work
    on, which are the same or `count` times as large, their constants, and what else they say.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> def program(fn, length):
        ...     return jax.make_jaxpr(fn)(jnp.ones((length, 3)))
        >>> square, cube = lambda x: jnp.sin(x) ** 2, lambda x: jnp.sin(x) ** 3
        >>> same_work(program(square, 1), program(square, 5), 5)
        True
        >>> same_work(program(square, 1), program(cube, 5), 5)
        False
    """
    works = [_work(program) for program in (one, other)]
    if works[0].keys() != works[1].keys() or not _same_constants(one, other):
        return False
    if _details(one) != _details(other):
        return False
    return all(
        len(eqns) == len(works[1][name])
        and all(map(_same, eqns, works[1][name], itertools.repeat(count)))
        for name, eqns in works[0].items()
    )


def _work(program: ClosedJaxpr) -> dict[str, list[JaxprEqn]]:
    """Return the operations of each kind, in their order."""
    found: dict[str, list[JaxprEqn]] = defaultdict(list)
    for eqn, _ in equations(program):
        if kind(eqn) not in _AT_ANY_LENGTH:
            found[kind(eqn)].append(eqn)
    return found


def _details(program: ClosedJaxpr) -> set[tuple[Any, ...]]:
    """Return what is told to operations that come and go with an axis of one.

    Numbers, such as a bound that is spread over the batch, and the columns that a slice takes:
    values that are compared may not reach what they decide.
    """
    told: set[tuple[Any, ...]] = set()
    for eqn, _ in equations(program):
        if kind(eqn) == "slice":
            sizes, params = shape(eqn.invars[0]), eqn.params
            steps = params["strides"] or (1,) * len(sizes)
            cuts = zip(sizes, params["start_indices"], params["limit_indices"], steps, strict=True)
            told |= {cut for cut in cuts if cut != (cut[0], 0, cut[0], 1)}
        elif kind(eqn) in _AT_ANY_LENGTH:
            literals = [atom for atom in eqn.invars if isinstance(atom, Literal)]
            told |= {(str(dtype(atom)), str(atom.val)) for atom in literals}
    return told


def _same(one: JaxprEqn, other: JaxprEqn, count: int) -> bool:
    """Whether two operations of one kind do the same, the second to `count` examples."""
    if (len(one.invars), len(one.outvars)) != (len(other.invars), len(other.outvars)):
        return False
    pairs = list(zip([*one.invars, *one.outvars], [*other.invars, *other.outvars], strict=True))
    if not all(_fits(*pair, count) for pair in pairs):
        return False
    renamed = any(len(shape(a)) != len(shape(b)) for a, b in pairs) and not is_at_place(kind(one))
    if kind(one) in INSIDE or renamed:
        return True  # programs inside are read too; an axis that is left out renames the others
    return alike(Pair(one, other, (), ()))


def _fits(one: Atom, other: Atom, count: int) -> bool:
    """Whether two values are of one type, the second as large or `count` times, or one number."""
    if isinstance(one, Literal) and isinstance(other, Literal):
        return same_numbers(as_numbers(one.val), as_numbers(other.val))
    sizes = math.prod(shape(one)), math.prod(shape(other))
    return dtype(one) == dtype(other) and sizes[1] in (sizes[0], count * sizes[0])


def _same_constants(one: ClosedJaxpr, other: ClosedJaxpr) -> bool:
    """Whether the arrays that both programs hold are the same; of other lengths, their numbers."""

    def known(program: ClosedJaxpr) -> list[Any]:
        return [as_numbers(value) for value in program.consts]

    pairs = itertools.zip_longest(known(one), known(other))
    return all(
        a is not None and b is not None and same_numbers(*_comparable(a, b)) for a, b in pairs
    )


def _comparable(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return arrays themselves, or the numbers in them where their lengths are others."""
    return (one, other) if one.shape == other.shape else (np.unique(one), np.unique(other))
