"""Random directions that derivatives are taken and checked along, and products along them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..derivatives.method import Probe
from ..derivatives.problem import Leaves, Output, Problem


class Pace(NamedTuple):
    """How the programs of a check are run, and how long all of them may take.

    Attributes:
        prepare: `prepare(fn, args)` returns `fn`, compiled for arguments like `args`. It and what
            it returns raise `GaveUpError` where they take too long.
        left: Returns the seconds that are left; negative once they are over.
    """

    prepare: Callable[[Callable[..., Any], tuple], Callable[..., Any]]
    left: Callable[[], float]

    def run(self, fn: Callable[..., Any], *args: object) -> Any:
        """Compile `fn` and run it once."""
        return self.prepare(fn, args)(*args)


#: Every check to its end, however long that takes.
UNHURRIED = Pace(lambda fn, args: jax.jit(fn), lambda: float("inf"))


#: What directions are drawn with beside a seed.
_OF_DIRECTIONS = 0xD1CE


def random_probe(problem: Problem, seed: int) -> Probe:
    """Draw normal directions in the inputs, and normal weights of the outputs (1 for a scalar)."""
    # No generator that inputs come from: along itself a norm of them has no slope.
    random = np.random.default_rng([seed, _OF_DIRECTIONS])
    outputs = jax.eval_shape(problem.fn, problem.x, problem.fixed)

    def normal(leaf: jax.ShapeDtypeStruct | jax.Array) -> jax.Array:
        # asarray would compile a program for each shape
        return jax.device_put(random.standard_normal(leaf.shape).astype(leaf.dtype))

    weights = jnp.ones((), outputs.dtype) if problem.scalar else jax.tree.map(normal, outputs)
    return Probe(tuple(normal(leaf) for leaf in problem.x), weights)


def pushed_forward(problem: Problem, tangent: Leaves, pace: Pace = UNHURRIED) -> Output:
    """Return the Jacobian times a tangent, in forward mode."""

    def push(x: Leaves, fixed: Leaves, tangent: Leaves) -> Output:
        return jax.jvp(lambda x: problem.fn(x, fixed), (x,), (tangent,))[1]

    return pace.run(push, problem.x, problem.fixed, tangent)


def pulled_back(problem: Problem, cotangent: Output, pace: Pace = UNHURRIED) -> Leaves:
    """Return a cotangent times the Jacobian, in reverse mode."""

    def pull(x: Leaves, fixed: Leaves, cotangent: Output) -> Leaves:
        return jax.vjp(lambda x: problem.fn(x, fixed), x)[1](cotangent)[0]

    return pace.run(pull, problem.x, problem.fixed, cotangent)


def along(
    problem: Problem,
    tangent: Leaves,
    steps: np.ndarray,
    pace: Pace = UNHURRIED,
    *,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Return the function's outputs `[steps, m]` at the point moved by each step of a tangent.

    Args:
        problem: The function and the point.
        tangent: The direction.
        steps: How far it is moved.
        pace: How it is run.
        weights: `[m, sums]`: sums of the outputs are returned, `[steps, sums]`, in place of them.
    """

    def at(step: jax.Array, x: Leaves, fixed: Leaves) -> jax.Array:
        moved = tuple(leaf + step * part for leaf, part in zip(x, tangent, strict=True))
        outputs = jax.tree.leaves(problem.fn(moved, fixed))
        return jnp.concatenate([leaf.ravel() for leaf in outputs])

    def line(x: Leaves, fixed: Leaves, steps: jax.Array, weights: jax.Array | None) -> jax.Array:
        def summed(step: jax.Array) -> jax.Array:
            outputs = at(step, x, fixed)
            return outputs if weights is None else outputs @ weights

        return jax.lax.map(summed, steps)

    sums = None if weights is None else jnp.asarray(weights)
    return np.asarray(pace.run(line, problem.x, problem.fixed, jnp.asarray(steps), sums))
