"""The function itself, and its derivative along one direction."""

import math
from collections.abc import Callable
from typing import Any

import jax

from ..instrument.compile import compile_for
from ..instrument.deadline import within
from .method import Preparation, Probe, Program
from .problem import Leaves, Output, Problem


def value(problem: Problem, probe: Probe) -> Program:
    """Describe the function alone: what every other cost is a multiple of."""
    del probe
    return Program(problem.fn, (problem.x, problem.fixed))


def jvp(problem: Problem, probe: Probe) -> Program:
    """Describe value and Jacobian-vector product in one forward pass."""

    def program(x: Leaves, fixed: Leaves, tangent: Leaves) -> tuple[Output, Output]:
        return jax.jvp(lambda x: problem.fn(x, fixed), (x,), (tangent,))

    return Program(program, (problem.x, problem.fixed, probe.tangent))


def linearize(problem: Problem, probe: Probe) -> Preparation:
    """Describe the linear part of a Jacobian-vector product alone.

    Its coefficients are computed beforehand.
    """

    def coefficients(x: Leaves, fixed: Leaves) -> Callable[[Leaves], Output]:
        return jax.linearize(lambda x: problem.fn(x, fixed), x)[1]

    def make(seconds_left: Callable[[], float]) -> Program:
        args = problem.x, problem.fixed
        compiled = compile_for(coefficients, args, limit=seconds_left())
        push: Any = within(seconds_left(), compiled.call, "one call of it")
        # `push` is a pytree of its coefficients, so that they are arguments and no constants.
        return Program(lambda push, tangent: push(tangent), (push, probe.tangent))

    return Preparation(make)


def vjp(problem: Problem, probe: Probe) -> Program:
    """Describe value and vector-Jacobian product: one pass forward, one back."""

    def program(x: Leaves, fixed: Leaves, cotangent: Output) -> tuple[Output, Leaves]:
        output, pull = jax.vjp(lambda x: problem.fn(x, fixed), x)
        return output, pull(cotangent)[0]

    return Program(program, (problem.x, problem.fixed, probe.cotangent))


def value_and_grad(problem: Problem, probe: Probe) -> Program:
    """Describe value and gradient together, as a training step takes them."""
    del probe
    return Program(jax.value_and_grad(problem.fn), (problem.x, problem.fixed))


def forward_gradient(problem: Problem, probe: Probe) -> Program:
    """Describe the forward gradient: one tangent times the derivative along it.

    Over normal tangents it is unbiased (Baydin et al., 2022).
    """

    def program(x: Leaves, fixed: Leaves, tangent: Leaves) -> Leaves:
        _, slope = jax.jvp(lambda x: problem.fn(x, fixed), (x,), (tangent,))
        return jax.tree.map(lambda leaf: slope * leaf, tangent)

    deviation = math.sqrt(problem.n + 1)
    return Program(
        program,
        (problem.x, problem.fixed, probe.tangent),
        f"one random tangent: unbiased, expected relative error sqrt(n + 1) = {deviation:.3g}",
    )
