"""Random directions that derivatives are taken and checked along, and products along them."""

import jax
import jax.numpy as jnp
import numpy as np

from ..derivatives.method import Probe
from ..derivatives.problem import Leaves, Output, Problem


def random_probe(problem: Problem, seed: int) -> Probe:
    """Draw normal directions in the inputs, and normal weights of the outputs (1 for a scalar)."""
    random = np.random.default_rng(seed)
    outputs = jax.eval_shape(problem.fn, problem.x, problem.fixed)

    def normal(leaf: jax.ShapeDtypeStruct | jax.Array) -> jax.Array:
        return jnp.asarray(random.standard_normal(leaf.shape), leaf.dtype)

    weights = jnp.ones((), outputs.dtype) if problem.scalar else jax.tree.map(normal, outputs)
    return Probe(tuple(normal(leaf) for leaf in problem.x), weights)


def pushed_forward(problem: Problem, tangent: Leaves) -> Output:
    """Return the Jacobian times a tangent, in forward mode."""
    run = jax.jit(lambda x, fixed, v: jax.jvp(lambda x: problem.fn(x, fixed), (x,), (v,))[1])
    return run(problem.x, problem.fixed, tangent)


def pulled_back(problem: Problem, cotangent: Output) -> Leaves:
    """Return a cotangent times the Jacobian, in reverse mode."""
    run = jax.jit(lambda x, fixed, u: jax.vjp(lambda x: problem.fn(x, fixed), x)[1](u)[0])
    return run(problem.x, problem.fixed, cotangent)


def along(problem: Problem, tangent: Leaves, steps: np.ndarray) -> np.ndarray:
    """Return the function's outputs `[steps, m]` at the point moved by each step of a tangent."""

    def at(step: jax.Array, x: Leaves, fixed: Leaves) -> jax.Array:
        moved = tuple(leaf + step * part for leaf, part in zip(x, tangent, strict=True))
        outputs = jax.tree.leaves(problem.fn(moved, fixed))
        return jnp.concatenate([leaf.ravel() for leaf in outputs])

    run = jax.jit(lambda x, fixed, steps: jax.lax.map(lambda step: at(step, x, fixed), steps))
    return np.asarray(run(problem.x, problem.fixed, jnp.asarray(steps)))
