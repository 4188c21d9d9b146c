"""The function itself, and its derivative along one direction."""

import jax
import jax.numpy as jnp

from .method import Context, Program
from .problem import Problem


def value(problem: Problem, context: Context) -> Program:
    """The function alone: what every other cost is a multiple of."""
    return Program(problem.fn, (problem.x, problem.fixed))


def jvp(problem: Problem, context: Context) -> Program:
    """Value and Jacobian-vector product in one forward pass."""

    def program(x, fixed, tangent):
        return jax.jvp(lambda x: problem.fn(x, fixed), (x,), (tangent,))

    return Program(program, (problem.x, problem.fixed, context.probe.tangent))


def linearize(problem: Problem, context: Context) -> Program:
    """The linear part of a Jacobian-vector product alone, its coefficients computed beforehand."""
    fn = jax.jit(problem.fn)
    _, push = jax.linearize(lambda x: fn(x, problem.fixed), problem.x)
    # `push` is a pytree of its coefficients, so that they are arguments and no constants
    return Program(lambda push, tangent: push(tangent), (push, context.probe.tangent))


def vjp(problem: Problem, context: Context) -> Program:
    """Value and vector-Jacobian product: one pass forward, one back."""

    def program(x, fixed, cotangent):
        output, pull = jax.vjp(lambda x: problem.fn(x, fixed), x)
        return output, pull(cotangent)[0]

    return Program(program, (problem.x, problem.fixed, context.probe.cotangent))


def value_and_grad(problem: Problem, context: Context) -> Program:
    """Value and gradient together, as a training step takes them."""
    return Program(jax.value_and_grad(problem.fn), (problem.x, problem.fixed))


def forward_gradient(problem: Problem, context: Context) -> Program:
    """The forward gradient: one tangent times the derivative along it, unbiased over tangents."""

    def program(x, fixed, tangent):
        _, slope = jax.jvp(lambda x: problem.fn(x, fixed), (x,), (tangent,))
        return jax.tree.map(lambda leaf: slope * leaf, tangent)

    variance = jnp.sqrt(jnp.asarray(problem.n + 1.0))
    return Program(
        program,
        (problem.x, problem.fixed, context.probe.tangent),
        f"one random tangent: unbiased, expected relative error sqrt(n + 1) = {variance:.3g}",
    )
