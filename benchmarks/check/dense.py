"""The Jacobian of the reference: built without the code that the methods are made of."""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from ..derivatives.method import GaveUpError
from ..derivatives.problem import Leaves, Output, Problem
from .directions import UNHURRIED, Pace

#: Basis vectors in one batch.
_AT_ONCE = 64
_FLOAT64_EPS = float(jnp.finfo(jnp.float64).eps)

_Fn = Callable[[Leaves], Output]
_Push = Callable[[_Fn, Leaves, Leaves], Output]


def dense_jacobian(
    problem: Problem, mode: str, pace: Pace = UNHURRIED, *, eps: float = _FLOAT64_EPS
) -> np.ndarray | None:
    """Return the Jacobian `[m, n]` in float64, by one basis vector after the other.

    `None` if that would take longer than the pace allows.

    Args:
        problem: What is differentiated.
        mode: `"forward"`, `"reverse"` or `"differences"`, which are central.
        pace: How it is run; the time that is left is looked at after each batch of basis vectors.
        eps: The machine epsilon that the function is computed with; differences depend on it.

    Example:
        >>> from benchmarks.derivatives.problem import make_problem
        >>> dense_jacobian(make_problem(lambda x: x**2, (jnp.arange(3.0),)), "forward")
        array([[0., 0., 0.],
               [0., 2., 0.],
               [0., 0., 4.]])
    """
    try:
        if mode == "reverse":
            return _batches(partial(_rows, problem), problem.m, problem, pace)
        push = {"forward": _pushed, "differences": partial(_differenced, eps)}[mode]
        return _batches(partial(_columns, problem, push), problem.n, problem, pace).T
    except GaveUpError:
        return None


def _batches(
    batch: Callable[..., Sequence[jax.Array]], count: int, problem: Problem, pace: Pace
) -> np.ndarray:
    """Return `count` columns (or rows) as one matrix `[count, numbers]`, batch by batch."""
    size, parts = min(count, _AT_ONCE), []
    args = problem.x, problem.fixed
    run = pace.prepare(batch, (*args, jnp.arange(size)))
    for start in range(0, count, size):
        before = pace.left()
        parts.append(_joined(run(*args, jnp.arange(start, start + size)), size))
        batches_left = -(-count // size) - len(parts)
        if batches_left and batches_left * (before - pace.left()) > pace.left():
            raise GaveUpError(f"there is no time for {batches_left} more batches")
    return np.concatenate(parts)[:count]


def _columns(
    problem: Problem, push: _Push, x: Leaves, fixed: Leaves, indices: jax.Array
) -> list[jax.Array]:
    def column(index: jax.Array) -> list[jax.Array]:
        return jax.tree.leaves(push(lambda x: problem.fn(x, fixed), x, _basis(index, x)))

    return jax.vmap(column)(indices)


def _rows(problem: Problem, x: Leaves, fixed: Leaves, indices: jax.Array) -> list[jax.Array]:
    value, pull = jax.vjp(lambda x: problem.fn(x, fixed), x)
    outputs, treedef = jax.tree.flatten(value)

    def row(index: jax.Array) -> list[jax.Array]:
        return list(pull(jax.tree.unflatten(treedef, _basis(index, outputs)))[0])

    return jax.vmap(row)(indices)


def _pushed(fn: _Fn, x: Leaves, tangent: Leaves) -> Output:
    return jax.jvp(fn, (x,), (tangent,))[1]


def _differenced(eps: float, fn: _Fn, x: Leaves, tangent: Leaves) -> Output:
    """Return the central difference along a basis vector, at the step that balances its errors."""
    root = eps ** (1 / 3)
    steps = [root * jnp.maximum(1, jnp.abs(leaf)) for leaf in x]
    triples = list(zip(x, steps, tangent, strict=True))
    ahead = tuple((leaf + step * part).astype(leaf.dtype) for leaf, step, part in triples)
    behind = tuple((leaf - step * part).astype(leaf.dtype) for leaf, step, part in triples)
    moved = sum(jnp.sum((a - b) * v) for a, b, v in zip(ahead, behind, tangent, strict=True))
    return jax.tree.map(lambda a, b: (a - b) / moved, fn(ahead), fn(behind))


def _basis(index: jax.Array, leaves: Sequence[jax.Array]) -> Leaves:
    """Return the basis vector of all numbers in `leaves` whose place is `index`."""
    basis, start = [], 0
    for leaf in leaves:
        places = start + jnp.arange(leaf.size).reshape(leaf.shape)
        basis.append((places == index).astype(leaf.dtype))
        start += leaf.size
    return tuple(basis)


def _joined(stacked: Sequence[jax.Array], count: int) -> np.ndarray:
    """Return arrays `[count, ...]` as the columns of one matrix `[count, numbers]`."""
    return np.concatenate([np.asarray(s, np.float64).reshape(count, -1) for s in stacked], axis=1)
