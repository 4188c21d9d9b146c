"""Whether a structured Jacobian is the Jacobian: its products against those of JAX's own modes."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse import csr_array

from ..check.directions import random_probe
from ..check.float64 import in_float64, with_float64
from ..derivatives.method import Probe, ravel
from ..derivatives.problem import Leaves, Output, Problem
from ..program.messages import is_our_own, whole_tracebacks

#: Epsilons of its type that a product may be off by: sums in another order.
_EPSILONS = 3e4
#: How many times as far as JAX's modes are apart a product may be off.
_NOISE = 1e3
#: How far from the point the two other ones are, over max(1, |x|).
_NEAR = 0.1
#: No seed that inputs are drawn from: along the inputs themselves a norm of them has no slope.
_SEED = 2_718_281_828

#: `entries(problem, x, fixed)` returns the numbers at the places of the pattern, or all of them.
Entries = Callable[[Problem, Leaves, Leaves], jax.Array]


class NothingFiniteError(ValueError):
    """All products with a derivative are NaN or infinite, so that it cannot be checked."""


class Fault(NamedTuple):
    """Where products of some entries are not those of the Jacobian.

    Attributes:
        problem: The function at that point, in the types of the check.
        outputs: The outputs whose products with a direction are off.
        inputs: The inputs whose products with weights of the outputs are off.
    """

    problem: Problem
    outputs: np.ndarray
    inputs: np.ndarray


def is_right(
    problem: Problem,
    rows: csr_array | None,
    entries: Entries,
    *,
    seed: int = _SEED,
    points: int = 3,
) -> bool:
    """Whether the entries give the products of the Jacobian, at the point and at others near it.

    In float64 where that is possible. Both `J v` and `u J` are compared along random directions,
    each by another mode of JAX; a mode that a function has not is left out. Numbers that are not
    finite tell nothing.

    Raises:
        NothingFiniteError: If there are no others, at any point.
    """
    compared = 0
    for fault, finite in _faults(problem, rows, entries, seed=seed, points=points):
        compared += finite
        if fault is not None:
            return False
    if not compared:
        raise NothingFiniteError(
            "no product with the derivative is finite here, so that nothing can be compared: "
            "check it where it has finite values"
        )
    return True


def first_fault(
    problem: Problem, rows: csr_array | None, entries: Entries, *, points: int = 3
) -> Fault | None:
    """Return where the entries are wrong first, if they are."""
    found = (fault for fault, _ in _faults(problem, rows, entries, seed=0, points=points))
    return next(filter(None, found), None)


def _faults(
    problem: Problem, rows: csr_array | None, entries: Entries, *, seed: int, points: int
) -> Iterator[tuple[Fault | None, int]]:
    """Yield for each point what is wrong there, and how many finite numbers were compared."""
    problem = with_float64(problem)
    run: _Run | None = None
    for place in range(points):
        probe = random_probe(problem, seed + place)
        moved = problem if place == 0 else _moved(problem, seed + place)
        with in_float64(moved, probe) as (wide, directions):
            run = run or _compiled(wide, directions, entries)
            results = run(wide.x, wide.fixed, directions.tangent, directions.cotangent)
            eps = float(jnp.finfo(jnp.result_type(*wide.x)).eps)
        data, pushed, pulled = map(ravel, results)
        outputs, inputs, finite = _compared(rows, data, pushed, pulled, probe=directions, eps=eps)
        wrong = outputs.size + inputs.size
        yield Fault(wide, outputs, inputs) if wrong else None, finite


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
    """Whether the function has a mode: JAX says so only once the program is lowered.

    What gradwise raises itself is a fault, not a mode that is missing.
    """
    try:
        with whole_tracebacks():
            jax.jit(mode).lower(*args)
    except Exception as error:  # a custom rule raises whatever it likes
        if is_our_own(error):
            raise
        return False
    return True


def _moved(problem: Problem, seed: int) -> Problem:
    random = np.random.default_rng(seed)

    def near(leaf: jax.Array) -> jax.Array:
        step = _NEAR * random.standard_normal(leaf.shape)
        wide = np.asarray(leaf, np.float64)
        wide = np.where(np.isfinite(wide), wide, 0.0)  # from NaN one gets nowhere
        return jnp.asarray(wide + step * np.maximum(1.0, np.abs(wide)), leaf.dtype)

    return problem._replace(x=tuple(map(near, problem.x)))


def _compared(
    rows: csr_array | None,
    data: np.ndarray,
    pushed: np.ndarray,
    pulled: np.ndarray,
    *,
    probe: Probe,
    eps: float,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Compare the products of the entries with those of JAX's modes.

    Returns:
        The outputs and the inputs where they are off, and how many finite numbers were compared.
    """
    tangent, cotangent = ravel(probe.tangent), ravel(probe.cotangent)
    matrix: Any = (
        data.reshape(cotangent.size, tangent.size)
        if rows is None
        else csr_array((data, rows.indices, rows.indptr), rows.shape)
    )
    off, finite, noise = [], 0, _noise(pushed, pulled, tangent, cotangent)
    # Where some are not, NaN may spread through zeros in one mode and not in the other.
    all_finite = bool(np.isfinite(pushed).all() and np.isfinite(pulled).all())
    for mine, true in ((matrix @ tangent, pushed), (matrix.T @ cotangent, pulled)):
        if true.size != mine.size:  # a mode that the function has not
            off.append(np.zeros(0, np.int64))
            continue
        known = np.isfinite(true)
        scale = float(np.max(np.abs(true[known]), initial=0.0)) or 1.0
        with np.errstate(invalid="ignore"):
            wrong = ~(np.abs(mine - true) <= _EPSILONS * eps * scale + noise)
        if not all_finite:
            wrong &= np.isfinite(mine)
        off.append(np.flatnonzero(known & wrong))
        finite += int((known & np.isfinite(mine)).sum())
    return off[0], off[1], finite


def _noise(
    pushed: np.ndarray, pulled: np.ndarray, tangent: np.ndarray, cotangent: np.ndarray
) -> float:
    """Return how far products may be off because JAX's own are, where large terms cancel in them.

    `u (J v)` and `(u J) v` are one number. In a softmax of large scores, which has hardly a slope,
    both modes are off by the rounding of its terms, and so is any other way to add these.
    """
    if pushed.size != cotangent.size or pulled.size != tangent.size:
        return 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        apart = abs(float(cotangent @ pushed) - float(pulled @ tangent))
    return _NOISE * apart if np.isfinite(apart) else 0.0
