"""A derivative that was made for inputs of one kind: compiled at its first call, and strict."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from ...derivatives.problem import Leaves, Problem
from ...program.inputs import sort_inputs
from ..pattern.detection import Pattern
from ..verify import is_right
from ..ways import Way, as_matrix
from .asked import Asked, Finish, named
from .bound import Bound
from .kinds import check_kinds
from .operators import some_products


class Made:
    """A way that was chosen, compiled on demand, and what its inputs have to be."""

    def __init__(self, asked: Asked, way: Way, pattern: Pattern | None, finish: Finish) -> None:
        """Keep what a call needs."""
        problem, sparse = asked.problem, asked.sparse
        self.problem, self.way, self.pattern = problem, way, pattern
        self._asked, self._sparse = asked, sparse
        places = pattern.bound if pattern and (way.plan or sparse) else frozenset[int]()
        bound = places | way.bound
        self._bound = Bound(asked, sorted(bound)) if bound else None
        arrays, self._static = _without_static(way.tables)
        self._arrays = jax.device_put(tuple(arrays))  # asarray compiles a program for each shape
        self._finish, self._outside = finish, finish.outside
        self._jitted = jax.jit(named(asked.title, self._program))
        given = problem.given
        # What is an array alone is looked at while it is traced, not at each call.
        self._by_trace = len(given.arrays) == len(given.given)
        self._direct = jax.jit(named(asked.title, self._of_arguments))
        as_they_are = self._by_trace and not (self._bound or self._arrays)
        #: What a call is: that of the compiled program itself, if nothing else is to be done.
        self.call = _then(self._direct, self._outside) if as_they_are else self._looked_at
        timed = lambda *args: some_products(self._program(*args))  # noqa: E731
        self._timed = jax.jit(named(asked.title, timed))

    def __call__(self, *inputs: Any) -> Any:
        """Return the derivative at the inputs.

        Raises:
            ValueError: If they are of another kind than those that the derivative was made for.
        """
        try:
            return self.call(*inputs)
        except TypeError:
            self.read(inputs)  # says which of them is no array
            raise

    def _looked_at(self, *inputs: Any) -> Any:
        """Return the derivative at inputs that the program does not take as they are."""
        if not self._by_trace:
            return self.run(*self.read(inputs))
        if self._bound is not None and not self._bound.were_compared(inputs):
            self.read(inputs)
            self._bound.compared(inputs)
        result = self._direct(*self._arrays, *inputs)
        return self._outside(result) if self._outside else result

    def _of_arguments(self, *arguments: Any) -> Any:
        count = len(self._arrays)
        return self._program(*self._sorted(arguments[count:]), arguments[:count])

    def _program(self, x: Leaves, fixed: Leaves, arrays: tuple) -> Any:
        tables = _with_static(arrays, self._static)
        return self._finish.inside(self.way, self.problem, tables, x, fixed)

    def trace(self) -> None:
        """Trace it now, so that it is of the function as it is now, custom rules included."""
        if self._by_trace:
            given = self.problem.given
            inputs = jax.tree.unflatten(given.treedef, given.given)
            self._direct.trace(*self._arrays, *inputs)
        else:
            self._jitted.trace(self.problem.x, self.problem.fixed, self._arrays)

    def run(self, x: Leaves, fixed: Leaves) -> Any:
        """Return the derivative at what `read` has sorted."""
        result = self._jitted(x, fixed, self._arrays)
        return self._outside(result) if self._outside else result

    def timed(self, x: Leaves, fixed: Leaves) -> Any:
        """Return what is timed: the derivative, or some products of an operator."""
        return self._timed(x, fixed, self._arrays)

    def read(self, inputs: tuple) -> tuple[Leaves, Leaves]:
        """Sort the arguments of a call.

        Raises:
            ValueError: If they are of another kind than those that the derivative was made for.
        """
        x, fixed = self._sorted(inputs)
        if self._bound is not None:
            self._bound.check(fixed)
        return x, fixed

    def _sorted(self, inputs: tuple) -> tuple[Leaves, Leaves]:
        given = self.problem.given
        now = sort_inputs(inputs, self._asked.argnums)
        check_kinds(self._asked, given, now)
        wanted = set(given.wanted)
        x = tuple(now.arrays[place] for place in given.wanted)
        return x, tuple(now.arrays[place] for place in given.arrays if place not in wanted)

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


def _then(run: Callable[..., Any], outside: Callable[[Any], Any] | None) -> Callable[..., Any]:
    """Return one function after another; a method would take longer than the two."""
    return run if outside is None else lambda *inputs: outside(run(*inputs))


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
