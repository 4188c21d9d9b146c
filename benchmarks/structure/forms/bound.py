"""Arguments that decide what depends on what, such as indices: others have another pattern."""

from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref

import jax
import numpy as np
from jax.core import Tracer

from ...derivatives.problem import Leaves
from .asked import Asked
from .kinds import refuse


class Bound:
    """Arguments whose values a derivative was made for, and what of them was compared already."""

    def __init__(self, asked: Asked, places: Sequence[int]) -> None:
        """Hold the arguments at some places of `fixed`."""
        self._asked, problem = asked, asked.problem
        given = problem.given
        held = [place for place in given.arrays if place not in set(given.wanted)]
        # Copies: the user may donate the arrays themselves.
        self._values = {place: np.array(problem.fixed[place]) for place in places}
        self._names = {place: given.names[held[place]] for place in places}
        self._compared: list[tuple[int, Callable[[], Any]]] = [
            (held[place], _nothing) for place in places
        ]
        self._last = max(held[place] for place in places)
        # To flatten arguments takes a fifth of a call, which those that are arrays can do without.
        all_arrays = given.treedef == jax.tree.structure(tuple(given.given))
        self._read = _itself if all_arrays else jax.tree.leaves

    def check(self, fixed: Leaves) -> None:
        """Raise `ValueError` if one of them has another value."""
        for place, value in self._values.items():
            _check(self._asked, self._names[place], fixed[place], value)

    def were_compared(self, inputs: tuple) -> bool:
        """Whether all of them are the very arrays that `compared` was told of last."""
        leaves = self._read(inputs)
        if len(leaves) <= self._last:
            return False
        return all(leaves[leaf] is array() for leaf, array in self._compared)

    def compared(self, inputs: tuple) -> None:
        """Remember arrays that have the right values, without keeping them."""
        leaves = self._read(inputs)
        self._compared = [(leaf, _weakly(leaves[leaf])) for leaf, _ in self._compared]


def _weakly(array: Any) -> Callable[[], Any]:
    """Refer to an array that nobody can write to; of another one nothing is remembered."""
    fixed = isinstance(array, jax.Array) and not isinstance(array, Tracer)
    return ref(array) if fixed else _nothing


def _itself(inputs: tuple) -> tuple:
    return inputs


def _nothing() -> object:
    """Return what is no argument."""
    return _NO_ARRAY


_NO_ARRAY = object()


def _check(asked: Asked, name: str, value: jax.Array, made_for: np.ndarray) -> None:
    """Raise `ValueError` if an argument that decides on the pattern has another value."""
    if isinstance(value, Tracer):
        raise ValueError(
            f"{name} decides what depends on what, and has no value inside of a transformation of "
            "JAX: hold it outside, such as jax.jit(lambda x: jacobian(x, indices))"
        )
    if not np.array_equal(np.asarray(value), made_for):
        refuse(
            asked,
            f"{name} has other values than those that it was made for, and these decide what "
            "depends on what",
        )
