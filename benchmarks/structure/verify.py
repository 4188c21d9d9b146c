"""Whether a compressed Jacobian is the Jacobian: its products against those of JAX's own modes."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse import csr_array

from ..check.directions import Pace, UNHURRIED, pulled_back, pushed_forward, random_probe
from ..check.error import relative_error
from ..check.float64 import in_float64
from ..derivatives.method import Probe, ravel
from ..derivatives.problem import Leaves, Problem

#: Epsilons of its type that a product may be off by: sums in another order.
_EPSILONS = 3e4
#: How far from the point the two other ones are, over max(1, |x|).
_NEAR = 0.1

#: `entries(problem, x, fixed)` returns the numbers at the places of the pattern.
Entries = Callable[[Problem, Leaves, Leaves], jax.Array]


def is_right(
    problem: Problem,
    rows: csr_array,
    entries: Entries,
    *,
    seed: int = 0,
    pace: Pace = UNHURRIED,
    points: int = 3,
) -> bool:
    """Whether the entries give the products of the Jacobian, at the point and at others near it.

    In float64 where that is possible. Both `J v` and `u J` are compared along random directions,
    each by another mode of JAX; a mode that a function has not is left out.
    """
    for place in range(points):
        probe = random_probe(problem, seed + place)
        moved = problem if place == 0 else _moved(problem, seed + place)
        with in_float64(moved, probe) as (wide, directions):
            if not _agree(wide, directions, rows, entries, pace):
                return False
    return True


def _moved(problem: Problem, seed: int) -> Problem:
    random = np.random.default_rng(seed)

    def near(leaf: jax.Array) -> jax.Array:
        step = _NEAR * random.standard_normal(leaf.shape)
        wide = np.asarray(leaf, np.float64)
        return jnp.asarray(wide + step * np.maximum(1.0, np.abs(wide)), leaf.dtype)

    return problem._replace(x=tuple(map(near, problem.x)))


def _agree(
    problem: Problem, probe: Probe, rows: csr_array, entries: Entries, pace: Pace
) -> bool:
    data = pace.run(lambda x, fixed: entries(problem, x, fixed), problem.x, problem.fixed)
    matrix = csr_array((np.asarray(data, np.float64), rows.indices, rows.indptr), rows.shape)
    eps = float(jnp.finfo(jnp.result_type(*problem.x)).eps)
    checked = False
    for product, given in (
        (pushed_forward, (matrix @ ravel(probe.tangent), probe.tangent)),
        (pulled_back, (matrix.T @ ravel(probe.cotangent), probe.cotangent)),
    ):
        mine, direction = given
        try:
            true = ravel(product(problem, direction, pace))
        except Exception:  # a mode that the function has not, as the other has
            continue
        checked = True
        finite = np.isfinite(true)
        if not np.array_equal(finite, np.isfinite(mine)):
            return False
        if relative_error(mine[finite], true[finite]) > _EPSILONS * eps:
            return False
    return checked
