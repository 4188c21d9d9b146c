"""Whether a structured Jacobian is the Jacobian: its products against those of JAX's own modes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse import csr_array

from ..check.directions import random_probe
from ..check.error import relative_error
from ..check.float64 import in_float64, with_float64
from ..derivatives.method import Probe, ravel
from ..derivatives.problem import Leaves, Output, Problem

#: Epsilons of its type that a product may be off by: sums in another order.
_EPSILONS = 3e4
#: How far from the point the two other ones are, over max(1, |x|).
_NEAR = 0.1

#: `entries(problem, x, fixed)` returns the numbers at the places of the pattern, or all of them.
Entries = Callable[[Problem, Leaves, Leaves], jax.Array]


def is_right(
    problem: Problem,
    rows: csr_array | None,
    entries: Entries,
    *,
    seed: int = 0,
    points: int = 3,
) -> bool:
    """Whether the entries give the products of the Jacobian, at the point and at others near it.

    In float64 where that is possible. Both `J v` and `u J` are compared along random directions,
    each by another mode of JAX; a mode that a function has not is left out.
    """
    problem = with_float64(problem)
    run: dict[bool, _Run] = {}
    for place in range(points):
        probe = random_probe(problem, seed + place)
        moved = problem if place == 0 else _moved(problem, seed + place)
        with in_float64(moved, probe) as (wide, directions):
            if not run:
                run[True] = _compiled(wide, directions, entries)
            results = run[True](wide.x, wide.fixed, directions.tangent, directions.cotangent)
            eps = float(jnp.finfo(jnp.result_type(*wide.x)).eps)
        if not _agree(rows, *map(_numbers, results), probe=directions, eps=eps):
            return False
    return True


#: Returns the entries, and the products by each mode, empty for one that the function has not.
_Run = Callable[..., tuple[jax.Array, object, object]]


def _compiled(problem: Problem, probe: Probe, entries: Entries) -> _Run:
    """Compile all that is compared as one program, for all points."""

    def push(x: Leaves, fixed: Leaves, tangent: Leaves) -> object:
        return jax.jvp(lambda x: problem.fn(x, fixed), (x,), (tangent,))[1]

    def pull(x: Leaves, fixed: Leaves, cotangent: Output) -> object:
        return jax.vjp(lambda x: problem.fn(x, fixed), x)[1](cotangent)[0]

    args = (problem.x, problem.fixed)
    modes = [_possible(push, *args, probe.tangent), _possible(pull, *args, probe.cotangent)]
    if not any(modes):
        raise ValueError("the function has neither forward nor reverse mode")

    def run(x: Leaves, fixed: Leaves, tangent: Leaves, cotangent: Output) -> tuple:
        data = entries(problem, x, fixed)
        forward = push(x, fixed, tangent) if modes[0] else ()
        return data, forward, pull(x, fixed, cotangent) if modes[1] else ()

    return jax.jit(run)


def _possible(mode: Callable[..., object], *args: object) -> bool:
    """Whether the function has a mode: JAX says so only once the program is lowered."""
    try:
        jax.jit(mode).lower(*args)
    except Exception:
        return False
    return True


def _numbers(tree: object) -> np.ndarray:
    return ravel(tree)


def _moved(problem: Problem, seed: int) -> Problem:
    random = np.random.default_rng(seed)

    def near(leaf: jax.Array) -> jax.Array:
        step = _NEAR * random.standard_normal(leaf.shape)
        wide = np.asarray(leaf, np.float64)
        return jnp.asarray(wide + step * np.maximum(1.0, np.abs(wide)), leaf.dtype)

    return problem._replace(x=tuple(map(near, problem.x)))


def _agree(
    rows: csr_array | None,
    data: np.ndarray,
    pushed: np.ndarray,
    pulled: np.ndarray,
    *,
    probe: Probe,
    eps: float,
) -> bool:
    """Compare the products of the entries with those of JAX's modes."""
    tangent, cotangent = ravel(probe.tangent), ravel(probe.cotangent)
    matrix: Any = (
        data.reshape(cotangent.size, tangent.size)
        if rows is None
        else csr_array((data, rows.indices, rows.indptr), rows.shape)
    )
    pairs = [(matrix @ tangent, pushed), (matrix.T @ cotangent, pulled)]
    for mine, true in pairs:
        if true.size != mine.size:  # a mode that the function has not
            continue
        finite = np.isfinite(true)
        if not np.array_equal(finite, np.isfinite(mine)):
            return False
        if relative_error(mine[finite], true[finite]) > _EPSILONS * eps:
            return False
    return True
