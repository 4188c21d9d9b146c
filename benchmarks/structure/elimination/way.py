"""A Jacobian by elimination, as one of the ways to take it.

Where numbers of an output meet at known places alone, its partial derivatives are formulas of whole
arrays, which are multiplied out: by reverse mode, forward mode or both in each example, whatever is
least work. No direction is pushed, and nothing is computed that is zero.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ...check.float64 import own_program
from ...derivatives.jacobians import Jacobian
from ...derivatives.problem import Leaves, Problem
from ...program.platforms import platform_of
from ..colouring.compressed import at_places, dense_jacobian
from ..colouring.plans import unused_plan
from ..colouring.tables import Tables, of_entries, tables_of
from ..sought import Sought
from ..ways import MOST_DENSE, Way
from .blocks import Local, local_of
from .cells import RefusedError
from .computing import numbers_of
from .places import places_of

#: Fewer colours do as well.
_FEW_COLOURS = 6
#: Entries for each partial derivative, at least: of less there are no examples.
_FEW_EXAMPLES = 8
#: Operations that take as long as to call what computes one partial derivative.
_CALL = 2_000
#: An input of so few numbers may be shared by all examples.
_SHARED = 64


class _Held(NamedTuple):
    """What a program is handed.

    Attributes:
        axes: The axis of each input that runs along examples; -1 for none.
        cut: Where the program is cut.
        form: What its blocks are like, to be seen again in float64.
        staged: Whether it is computed chunk by chunk.
        places: Where the entries' numbers are; `None` where they are the numbers.
        told: For each of these whether it tells a number for every entry.
        dense: How they are put into a dense result; `None` where that is too large.
    """

    axes: tuple[int, ...]
    cut: int
    form: str
    staged: bool
    places: tuple[np.ndarray, ...] | None
    told: tuple[bool, ...]
    dense: Tables | None


def elimination(sought: Sought) -> Way | None:
    """Return the way by elimination, if components of examples tell what the program does.

    Example:
        >>> from scipy.sparse import csr_array
        >>> from benchmarks.derivatives.problem import make_problem
        >>> ends = np.arange(40) % 13, np.arange(40) % 17
        >>> def springs(x):
        ...     apart = x[ends[0]] - x[ends[1]]
        ...     return apart * (jnp.sum(apart**2, axis=1, keepdims=True) - 1)
        >>> problem = make_problem(springs, (jnp.arange(51.0).reshape(17, 3),))
        >>> rows = np.kron(np.eye(17)[ends[0]] + np.eye(17)[ends[1]], np.ones((3, 3))) > 0
        >>> way = elimination(Sought(problem, csr_array(rows)))
        >>> way.name, way.passes
        ('elimination (18 partials)', 3)
    """
    problem, rows = sought.problem, sought.rows
    if rows is None or not rows.nnz or not _is_of_one_type(problem) or own_program(problem).effects:
        return None
    longest = [np.diff(rows.indptr).max(), np.bincount(rows.indices).max()]
    if min(longest) < _FEW_COLOURS:
        return None
    for axes in _axes(problem.x):
        if sought.left() < 0:
            return None
        try:
            local = local_of(problem, problem.x, problem.fixed, axes, looks=True, left=sought.left)
            places = places_of(local, rows, problem.x)
        except RefusedError:
            continue
        if len(local.weights) * _FEW_EXAMPLES <= rows.nnz:
            return _way(sought, local, places)
    return None


def _way(sought: Sought, local: Local, places: tuple[np.ndarray, ...] | None) -> Way:
    problem, rows, count = sought.problem, sought.rows, len(local.weights)
    assert rows is not None
    outputs = [leaf.shape for leaf in _outputs(problem)]
    size, dense = sought.m * sought.n, None
    if size * 8 <= MOST_DENSE:
        dense = of_entries(tables_of(rows, unused_plan(rows), problem, outputs))
    numbers = sum(block.numbers.shape[0] * len(block.columns) for block in local.blocks)
    told = tuple(bool(np.all(each < numbers)) for each in places or ())
    staged = platform_of((problem.x, problem.fixed)) == "cpu"
    operations = local.space.formulas.operations(*local.weights) + _CALL * count
    axes = tuple(-1 if axis is None else axis for axis in local.axes)
    return Way(
        name=f"elimination ({count:,} partials)",
        passes=sum(block.numbers.shape[1] for block in local.blocks),
        cost=operations + rows.nnz * 4 + size * 0.25,
        dense=_dense,
        data=_data,
        tables=_Held(axes, local.cut, local.form, staged, places, told, dense),
        why="numbers meet at known places alone, where partial derivatives are multiplied out",
        bound=frozenset(local.space.bound),
        by_entries=True,
    )


def _outputs(problem: Problem) -> list[Any]:
    return jax.tree.leaves(jax.eval_shape(problem.fn, problem.x, problem.fixed))


def _is_of_one_type(problem: Problem) -> bool:
    return len({leaf.dtype for leaf in (*problem.x, *_outputs(problem))}) == 1


def _axes(x: Sequence[Any]) -> Iterator[tuple[int | None, ...]]:
    """Yield along which axes of the inputs examples may be."""
    first = tuple(0 if leaf.ndim else None for leaf in x)
    small = tuple(None if leaf.size <= _SHARED else 0 for leaf in x)
    long = tuple(int(np.argmax(leaf.shape)) if leaf.ndim else None for leaf in x)
    ways = dict.fromkeys([first, small, long])
    yield from (axes for axes in ways if any(axis is not None for axis in axes))


def _data(problem: Problem, tables: _Held, x: Leaves, fixed: Leaves) -> jax.Array:
    """Return the numbers at the places of the pattern."""
    axes = [None if axis < 0 else axis for axis in tables.axes]
    local = local_of(problem, x, fixed, axes, looks=False, cut=tables.cut)
    if local.form != tables.form:
        raise ValueError("a program is another one in another precision")
    numbers = numbers_of(local, x, staged=tables.staged)
    if tables.places is None:
        return numbers
    parts = []
    for places, all_of_them in zip(tables.places, tables.told, strict=True):
        padded = numbers if all_of_them else jnp.append(numbers, jnp.zeros(1, numbers.dtype))
        parts.append(at_places(padded, places))
    return reduce(jnp.add, parts)


def _dense(problem: Problem, tables: _Held, x: Leaves, fixed: Leaves) -> Jacobian:
    """Return the whole, with the structure of `jax.jacrev`."""
    if tables.dense is None:
        raise ValueError("a dense result is too large")
    return dense_jacobian(problem, tables.dense, _data(problem, tables, x, fixed))
