"""A Jacobian of examples that share parameters: each example's rows, from a function of its own.

By the shared parameters it is dense, and colours are blind to it. But row `b` needs example `b`
alone: `vmap(jac)` of the function of one example pulls as many cotangents as one example has
outputs, through one example's part of the program.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, islice
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr

from ...check.directions import random_probe
from ...check.error import relative_error
from ...check.float64 import in_float64, own_program, with_float64
from ...derivatives.jacobians import Jacobian
from ...derivatives.method import ravel
from ...derivatives.problem import Leaves, Problem
from ...program.flops import flops
from ...program.jaxpr import trace
from ..colouring.compressed import at_places
from ..decomposition.pieces import Piece, piece_of
from ..sought import Sought
from ..ways import REVERSE, Way, gathered
from .alone import same_work
from .lengths import maps_examples
from .rows import numbers_of, places_in_rows

#: A batch has at least so many examples.
_FEW = 4
#: Leaves as long as the batch that are tried as none of it, at most.
_MOST_TRIED = 6
#: How many times as long an operation takes that is done anew for each example: HAND's bones took
#: 3 to 5 times as long as their operations tell, other things less.
_SMALL = 3
#: Where the function of one example is compared with that of all, and epsilons it may be off by.
_POINTS, _EPSILONS = 3, 3e4


def batch(sought: Sought) -> Way | None:
    """Return the way example by example, if the outputs are of examples that share inputs.

    For every x: the programs of this batch and of one example more are read side by side, and no
    operation may work along the batch. Then the function is traced at a batch of one, and its
    values must agree, at the point and elsewhere. Batch norm, a sum over the batch and draws for a
    whole batch are not of this kind.

    Example:
        >>> from benchmarks.derivatives.problem import make_problem
        >>> inputs = jnp.ones(3), jnp.arange(24.0).reshape(8, 3)
        >>> problem = make_problem(lambda w, x: jnp.sin(x @ w), inputs)
        >>> way = batch(Sought(problem))
        >>> way.name, way.passes
        ('vmap (8 examples)', 1)
    """
    problem, rows = sought.problem, sought.rows
    count, leaves = examples_of(problem)
    if not count or own_program(problem).effects:
        return None
    batched = batched_leaves(problem, count, sought.left)
    if batched is None:
        return None
    one = one_example(problem, batched)
    if one is None or (sought.runs and not same_values(problem, one, batched)):
        return None

    def dense(problem: Problem, tables: tuple, x: Leaves, fixed: Leaves) -> Jacobian:
        del problem, tables
        return _each(one, batched, x, fixed)

    passes = sought.m // count
    runs = sought.operations * _one_by_one(problem, one, batched, count)
    cost = passes * REVERSE * runs + sought.m * sought.n
    why = "each example's rows are the Jacobian of the function of that example"
    name = f"vmap ({count:,} examples)"
    moving = batched[: len(problem.x)]
    places = None if rows is None else places_in_rows(rows, problem.x, moving, leaves, count)
    if places is None:
        return Way(name, passes, cost, dense, gathered(dense, rows), why=why)
    heights = [math.prod(leaf.shape) for leaf in leaves]

    def data(problem: Problem, tables: np.ndarray, x: Leaves, fixed: Leaves) -> jax.Array:
        del problem
        numbers = numbers_of(_parts(one, batched, x, fixed), heights)
        return numbers if numbers.size == tables.size else at_places(numbers, tables)

    return Way(name, passes, cost, dense, data, places, why=why)


def _one_by_one(problem: Problem, one: Piece, batched: Sequence[bool], count: int) -> float:
    """Return how many runs of the function it takes to run it for every example alone.

    One, where all is done for each example; but what the examples have in common, such as the
    layers before one whose weights are taken for the batch, is pulled through for each, in products
    too small to be fast.
    """
    every = (*problem.x, *problem.fixed)
    alone = flops(one.own, *(_of_length(1, *pair) for pair in zip(every, batched, strict=True)))
    whole = flops(problem.fn, problem.x, problem.fixed)
    runs = max(count * float(alone.high) / max(float(whole.high), 1.0), 1.0)
    return 1 + _SMALL * (runs - 1)


def examples_of(problem: Problem) -> tuple[int, list[Any]]:
    """Return how many examples the outputs are of, 0 if there are none, and these."""
    outputs = jax.tree.leaves(jax.eval_shape(problem.fn, problem.x, problem.fixed))
    lengths = {leaf.shape[:1] for leaf in outputs}
    count = min(lengths)[0] if len(lengths) == 1 and () not in lengths else 0
    return (count if count >= _FEW else 0), outputs


def batched_leaves(
    problem: Problem, count: int, left: Callable[[], float], *, share: bool = True
) -> list[bool] | None:
    """Say of each leaf of `x` and `fixed` whether example `b` of the outputs has its entry `b`.

    Those of `x` all have one where examples share nothing, and otherwise at least one has none.

    Of those that are as long as the batch some may not be of it, such as a square matrix: then the
    program has no batch of one more, or examples meet in it.
    """
    leaves = (*problem.x, *problem.fixed)
    long = [place for place, leaf in enumerate(leaves) if leaf.shape[:1] == (count,)]
    short = _directional(problem, leaves)
    for dropped in _few_of(long):
        batched = [place in long and place not in dropped for place in range(len(leaves))]
        ours = batched[: len(problem.x)]
        if not any(batched) or all(ours) is share:
            continue
        if short is None or left() < 0:
            return None
        more = [_of_length(count + 1, *pair) for pair in zip(leaves, batched, strict=True)]
        longer = _directional(problem, more)
        if longer and maps_examples(short, longer, count, [*batched, *ours]):
            return batched
    return None


def _few_of(places: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield what may be left out, the least first."""
    for size in (0, 1, 2):
        yield from islice(combinations(places, size), _MOST_TRIED)


def _of_length(count: int, leaf: Any, is_batched: bool) -> jax.ShapeDtypeStruct:
    shape = (count, *leaf.shape[1:]) if is_batched else leaf.shape
    return jax.ShapeDtypeStruct(shape, leaf.dtype)


def _directional(problem: Problem, leaves: Sequence[Any]) -> ClosedJaxpr | None:
    """Return the program of outputs and of their derivative along a direction, in leaves' types.

    Custom rules are written out in it. It is `None` where it has none.
    """
    split = len(problem.x)

    def run(x: Leaves, fixed: Leaves, tangent: Leaves) -> list[jax.Array]:
        outputs = jax.jvp(lambda x: _run(problem, (*x, *fixed)), (x,), (tangent,))
        return jax.tree.leaves(outputs)

    x, fixed = tuple(leaves[:split]), tuple(leaves[split:])
    try:
        return trace(run, x, fixed, x)
    except Exception:  # whatever the user's function raises where it is not made for this
        return None


def _floats(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jnp.floating)


def _run(problem: Problem, leaves: Sequence[Any]) -> list[jax.Array]:
    split = len(problem.x)
    return jax.tree.leaves(problem.fn(tuple(leaves[:split]), tuple(leaves[split:])))


def one_example(problem: Problem, batched: Sequence[bool]) -> Piece | None:
    """Trace the function at a batch of one; many functions have none."""
    every = (*problem.x, *problem.fixed)
    inputs = [_of_length(1, *pair) for pair in zip(every, batched, strict=True)]
    whole = jax.tree.leaves(jax.eval_shape(problem.fn, problem.x, problem.fixed))
    try:
        piece = piece_of(lambda *leaves: _run(problem, leaves), inputs)
        outputs = jax.eval_shape(piece.own, *inputs)
    except Exception:  # whatever the user's function raises where it is not made for this
        return None
    types = [((1, *leaf.shape[1:]), leaf.dtype) for leaf in whole]
    if [(leaf.shape, leaf.dtype) for leaf in outputs] != types:
        return None
    # Where a function asks for the batch's length, the values that are compared may not tell.
    single, all_of_them = (_directional(problem, leaves) for leaves in (inputs, every))
    if single is None or all_of_them is None:
        return None
    count = whole[0].shape[0]
    return piece if same_work(single, all_of_them, count) else None


def mapped(
    fn: Callable[[Leaves, Leaves], Any], batched: Sequence[bool], x: Leaves, fixed: Leaves
) -> Any:
    """Return `fn` of every example, a batch of one."""
    axes = tuple(0 if is_batched else None for is_batched in batched)
    leaves = zip((*x, *fixed), batched, strict=True)
    inputs = tuple(leaf[:, None] if is_batched else leaf for leaf, is_batched in leaves)
    split = len(x)
    return jax.vmap(fn, in_axes=(axes[:split], axes[split:]))(inputs[:split], inputs[split:])


def same_values(problem: Problem, one: Piece, batched: Sequence[bool]) -> bool:
    """Whether examples one by one are what the function makes of all of them.

    At the point, and where floats are moved and entries of all else drawn anew from their own.
    """
    problem = with_float64(problem)
    compiled: list[Callable[..., Any]] = []
    for seed in range(_POINTS):
        at = _elsewhere(problem, batched, seed) if seed else problem
        with in_float64(at, random_probe(problem, seed)) as (wide, _):

            def both(x: Leaves, fixed: Leaves, wide: Problem = wide) -> tuple[Any, Any]:
                return wide.fn(x, fixed), mapped(lambda x, f: one(*x, *f), batched, x, fixed)

            compiled = compiled or [jax.jit(both)]
            true, mine = map(ravel, compiled[0](wide.x, wide.fixed))
            eps = float(jnp.finfo(jnp.result_type(*wide.x)).eps)
        finite = np.isfinite(true)
        if not np.array_equal(finite, np.isfinite(mine)):
            return False
        if relative_error(mine[finite], true[finite]) > _EPSILONS * eps:
            return False
    return True


def _elsewhere(problem: Problem, batched: Sequence[bool], seed: int) -> Problem:
    random = np.random.default_rng(seed)

    def moved(leaf: jax.Array, is_batched: bool) -> jax.Array:
        if _floats(leaf):
            step = random.standard_normal(leaf.shape)
            return leaf + jnp.asarray(step, leaf.dtype) * jnp.maximum(1, jnp.abs(leaf)) / 2
        return leaf[random.integers(0, leaf.shape[0], leaf.shape[0])] if is_batched else leaf

    leaves = list(map(moved, (*problem.x, *problem.fixed), batched))
    split = len(problem.x)
    return problem._replace(x=tuple(leaves[:split]), fixed=tuple(leaves[split:]))


def _each(one: Piece, batched: Sequence[bool], x: Leaves, fixed: Leaves) -> Jacobian:
    """Return the Jacobian with the structure of `jax.jacrev`."""
    pairs = list(zip(x, batched, strict=False))
    return tuple(
        tuple(_block(part, *pair) for part, pair in zip(line, pairs, strict=True))
        for line in _parts(one, batched, x, fixed)
    )


def _parts(one: Piece, batched: Sequence[bool], x: Leaves, fixed: Leaves) -> Jacobian:
    """Return each example's Jacobian by what it depends on, `[examples, 1, *outputs, *leaf]`."""

    def jacobian(x: Leaves, fixed: Leaves) -> Jacobian:
        return jax.jacrev(lambda x: tuple(one(*x, *fixed)))(x)

    return mapped(jacobian, batched, x, fixed)


def _block(part: jax.Array, leaf: jax.Array, is_batched: bool) -> jax.Array:
    """Return an output's block by a leaf, of its parts `[examples, 1, *outputs, *leaf]`."""
    part = part[:, 0]
    if not is_batched:
        return part
    count, rank = leaf.shape[0], part.ndim - leaf.ndim
    part = jnp.squeeze(part, rank)
    diagonal = jnp.arange(count)
    whole = jnp.zeros((count, count, *part.shape[1:]), part.dtype)
    whole = whole.at[diagonal, diagonal].set(part, unique_indices=True, indices_are_sorted=True)
    return jnp.moveaxis(whole, 1, rank)
