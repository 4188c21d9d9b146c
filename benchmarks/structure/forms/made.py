"""A derivative that was made for inputs of one kind: compiled at its first call, and strict."""

from collections.abc import Sequence
from typing import Any, NoReturn

import jax
import numpy as np
from jax.core import Tracer

from ..._record_file import short
from ...derivatives.problem import Leaves, Problem
from ...instrument.units import counted
from ...program.inputs import Inputs, sort_inputs
from ..pattern.detection import Pattern
from ..verify import is_right
from ..ways import Way, as_matrix
from .asked import Asked, Finish, named
from .operators import some_products

#: What JAX has only in 64-bit mode.
_OF_64_BITS = ("float64", "int64", "uint64", "complex128")


class Made:
    """A way that was chosen, compiled on demand, and what its inputs have to be."""

    def __init__(self, asked: Asked, way: Way, pattern: Pattern | None, finish: Finish) -> None:
        """Keep what a call needs."""
        problem, sparse = asked.problem, asked.sparse
        self.problem, self.way, self.pattern = problem, way, pattern
        self._asked, self._sparse = asked, sparse
        bound = pattern.bound if pattern and (way.plan or sparse) else ()
        # Copies: the user may donate the arrays themselves.
        self._bound = {place: np.array(problem.fixed[place]) for place in bound}
        arrays, self._static = _without_static(way.tables)
        self._arrays = jax.device_put(tuple(arrays))  # asarray compiles a program for each shape
        self._finish = finish
        self._jitted = jax.jit(named(asked.title, self._program))
        given = problem.given
        # What is an array alone is looked at while it is traced, not at each call.
        self._by_trace = not self._bound and len(given.arrays) == len(given.given)
        self._direct = jax.jit(named(asked.title, self._of_arguments))
        timed = lambda *args: some_products(self._program(*args))  # noqa: E731
        self._timed = jax.jit(named(asked.title, timed))

    def __call__(self, *inputs: Any) -> Any:
        """Return the derivative at the inputs.

        Raises:
            ValueError: If they are of another kind than those that the derivative was made for.
        """
        if not self._by_trace:
            return self.run(*self.read(inputs))
        try:
            result = self._direct(inputs, self._arrays)
        except TypeError:
            self.read(inputs)  # says which of them is no array
            raise
        return self._finish.outside(result)

    def _of_arguments(self, inputs: tuple, arrays: tuple) -> Any:
        return self._program(*self.read(inputs), arrays)

    def _program(self, x: Leaves, fixed: Leaves, arrays: tuple) -> Any:
        tables = _with_static(arrays, self._static)
        return self._finish.inside(self.way, self.problem, tables, x, fixed)

    def trace(self) -> None:
        """Trace it now, so that it is of the function as it is now, custom rules included."""
        if self._by_trace:
            given = self.problem.given
            inputs = jax.tree.unflatten(given.treedef, given.given)
            self._direct.trace(inputs, self._arrays)
        else:
            self._jitted.trace(self.problem.x, self.problem.fixed, self._arrays)

    def run(self, x: Leaves, fixed: Leaves) -> Any:
        """Return the derivative at what `read` has sorted."""
        return self._finish.outside(self._jitted(x, fixed, self._arrays))

    def timed(self, x: Leaves, fixed: Leaves) -> Any:
        """Return what is timed: the derivative, or some products of an operator."""
        return self._timed(x, fixed, self._arrays)

    def read(self, inputs: tuple) -> tuple[Leaves, Leaves]:
        """Sort the arguments of a call.

        Raises:
            ValueError: If they are of another kind than those that the derivative was made for.
        """
        given = self.problem.given
        now = sort_inputs(inputs, self._asked.argnums)
        _check_kinds(self._asked, given, now)
        x = tuple(now.arrays[place] for place in given.wanted)
        held = [place for place in given.arrays if place not in set(given.wanted)]
        fixed = tuple(now.arrays[place] for place in held)
        for place, value in self._bound.items():
            _check_bound(self._asked, given.names[held[place]], fixed[place], value)
        return x, fixed

    def is_right(self, problem: Problem, points: int) -> bool:
        """Check it by products.

        Raises:
            NothingFiniteError: If none of them is finite.
        """
        whole = self.pattern is None or self.pattern.rows.nnz == self._entries
        if self.way.plain and not (self._sparse and not whole):
            return True  # JAX's own mode
        rows = self.pattern.rows if self.pattern and self._by_pattern else None
        return is_right(problem, rows, self.numbers, points=points)

    def numbers(self, problem: Problem, x: Leaves, fixed: Leaves) -> jax.Array:
        """Return what is checked: the numbers at the places of the pattern, or all of them."""
        if self._by_pattern:
            return self.way.data(problem, self.way.tables, x, fixed)
        return as_matrix(self.way.dense(problem, self.way.tables, x, fixed), problem)

    @property
    def _by_pattern(self) -> bool:
        return self.pattern is not None and (self.way.plan is not None or self._sparse)

    @property
    def _entries(self) -> int:
        assert self.pattern is not None
        return self.pattern.rows.shape[0] * self.pattern.rows.shape[1]


def _without_static(tables: Any) -> tuple[list, Any]:
    """Take the arrays out of tables, and leave what builds them again."""
    leaves, structure = jax.tree.flatten(tables)
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, np.ndarray)]
    others = [None if i in places else leaf for i, leaf in enumerate(leaves)]
    return [leaves[i] for i in places], (places, others, structure)


def _with_static(arrays: Sequence, static: Any) -> Any:
    places, others, structure = static
    leaves = list(others)
    for place, array in zip(places, arrays, strict=True):
        leaves[place] = array
    return jax.tree.unflatten(structure, leaves)


def _refuse(asked: Asked, fault: str) -> NoReturn:
    """Say which derivative does not take its inputs, why, and what to do."""
    raise ValueError(
        f"the {asked.what} of {asked.name}: {fault}; call gradwise.{asked.caller} again for these"
    )


def _check_structure(asked: Asked, given: Inputs, now: Inputs) -> None:
    """Raise `ValueError` if arguments are of another number, or built otherwise."""
    wanted, got = given.treedef.children(), now.treedef.children()
    if len(wanted) != len(got):
        raise ValueError(
            f"the {asked.what} of {asked.name} takes {counted(len(wanted), 'argument')}, got "
            f"{len(got)}: give those that {asked.name} takes"
        )
    for place, (one, other) in enumerate(zip(wanted, got, strict=True)):
        if one != other:
            built = f"argument {place} has the structure {_built(other)}"
            _refuse(asked, f"{built}, it was made for {_built(one)}")


def _built(treedef: Any) -> str:
    """Write how an argument is built, such as `{'b': *, 'w': *}`."""
    told = str(treedef).removeprefix("PyTreeDef(").removesuffix(")")
    return "one array" if told == "*" else short(told)


def _check_kinds(asked: Asked, given: Inputs, now: Inputs) -> None:
    """Raise `ValueError` if inputs are of other kinds than those that were given."""
    if now.treedef != given.treedef:
        _check_structure(asked, given, now)
    for place, array in given.arrays.items():
        if array.dtype in _OF_64_BITS and not jax.config.read("jax_enable_x64"):
            raise ValueError(
                f"{given.names[place]} is {array.dtype}, and jax_enable_x64 is off now: switch it "
                "on, as it was when the derivative was made"
            )
        other = now.arrays.get(place)
        if other is None or (other.shape, other.dtype) != (array.shape, array.dtype):
            got = "no array" if other is None else f"{other.dtype}{list(other.shape)}"
            wanted = f"{array.dtype}{list(array.shape)}"
            _refuse(asked, f"{given.names[place]} is {got}, it was made for {wanted}")
    for place, value in enumerate(given.given):
        if place not in given.arrays and not _equal(now.given[place], value):
            got = short(repr(now.given[place]))
            _refuse(asked, f"{given.names[place]} is {got}, it was made for {short(repr(value))}")


def _check_bound(asked: Asked, name: str, value: jax.Array, made_for: np.ndarray) -> None:
    """Raise `ValueError` if an argument that decides on the pattern has another value."""
    if isinstance(value, Tracer):
        raise ValueError(
            f"{name} decides what depends on what, and has no value inside of a transformation of "
            "JAX: hold it outside, such as jax.jit(lambda x: jacobian(x, indices))"
        )
    if not np.array_equal(np.asarray(value), made_for):
        _refuse(
            asked,
            f"{name} has other values than those that it was made for, and these decide what "
            "depends on what",
        )


def _equal(one: object, other: object) -> bool:
    """Whether two values that a function was traced with are the same; in doubt they are not."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (np.ndarray, jax.Array)):
        return not isinstance(one, Tracer) and np.array_equal(np.asarray(one), np.asarray(other))
    try:
        return one is other or bool(one == other)
    except Exception:  # whatever an object of the user's raises
        return False
