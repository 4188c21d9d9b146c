"""Numerical differentiation: one-sided and central differences, and the complex step."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .jacobians import from_columns, one_hot
from .method import Context, Program
from .problem import Leaves, Problem

#: Steps of the sweep, relative to max(1, |x|): from far too large to far too small.
_STEPS = tuple(float(step) for step in np.logspace(-0.5, -10, 20))
#: Directions that the sweep looks at; the whole Jacobian would cost a sweep of sweeps.
_SWEPT = 8


def numerical(problem: Problem, context: Context) -> Program:
    """Central differences, 2n evaluations, at the step of least error."""
    return _at_best_step(central, 3, problem, context)


def numerical_forward(problem: Problem, context: Context) -> Program:
    """One-sided differences, n + 1 evaluations, at the step of least error."""
    return _at_best_step(one_sided, 2, problem, context)


def complex_step(problem: Problem, context: Context) -> Program:
    """Im f(x + ih) / h: no difference is taken, so nothing cancels (Squire & Trapp, 1998)."""
    step = 1e-20

    def program(x, fixed):
        def column(index):
            moved = tuple(
                jax.lax.complex(leaf, step * basis)
                for leaf, basis in zip(x, one_hot(index, x), strict=True)
            )
            return jax.tree.map(lambda leaf: jnp.imag(leaf) / step, problem.fn(moved, fixed))

        return from_columns(jax.lax.map(column, jnp.arange(problem.n)), x)

    return Program(program, (problem.x, problem.fixed))


def central(problem: Problem, x: Leaves, fixed: Leaves, step: jax.Array, indices: jax.Array) -> Any:
    """Columns `indices` by central differences: an error of order step^2, and of rounding/step."""

    def column(index):
        ahead, there = _moved(x, index, step)
        behind, back = _moved(x, index, -step)
        high, low = problem.fn(ahead, fixed), problem.fn(behind, fixed)
        return jax.tree.map(lambda a, b: (a - b) / (there - back).astype(a.dtype), high, low)

    return jax.lax.map(column, indices)


def one_sided(
    problem: Problem, x: Leaves, fixed: Leaves, step: jax.Array, indices: jax.Array
) -> Any:
    """Columns `indices` by one-sided differences: an error of order step, and of rounding/step."""
    here = problem.fn(x, fixed)

    def column(index):
        ahead, there = _moved(x, index, step)
        return jax.tree.map(
            lambda a, b: (a - b) / there.astype(a.dtype), problem.fn(ahead, fixed), here
        )

    return jax.lax.map(column, indices)


def _moved(x: Leaves, index: jax.Array, step: jax.Array) -> tuple[Leaves, jax.Array]:
    """`x` with one number moved by about step * max(1, |x|), and how far it really moved."""
    basis = one_hot(index, x)

    def coordinate(leaves: Leaves) -> jax.Array:
        return sum(
            (jnp.sum(leaf * part) for leaf, part in zip(leaves, basis, strict=True)), jnp.zeros(())
        )

    here = coordinate(x)
    width = step * jnp.maximum(1, jnp.abs(here))
    moved = tuple(
        leaf + part * width.astype(leaf.dtype) for leaf, part in zip(x, basis, strict=True)
    )
    return moved, coordinate(moved) - here


def _at_best_step(difference: Callable, power: int, problem: Problem, context: Context) -> Program:
    """The difference at the step whose error, over a few columns, is least.

    Without a true Jacobian to sweep against, the step is eps^(1/power): where an error of order
    step^(power - 1) balances rounding.
    """
    dtype = jnp.result_type(*problem.x)
    truth = context.truth.jacobian
    if truth is None:
        step = float(jnp.finfo(dtype).eps) ** (1 / power)
        note = f"step {step:.2g} = eps^(1/{power})"
    else:
        indices = np.linspace(0, problem.n - 1, min(problem.n, _SWEPT)).astype(int)
        run = jax.jit(partial(difference, problem))

        def error(step: float) -> float:
            found = run(problem.x, problem.fixed, jnp.asarray(step, dtype), jnp.asarray(indices))
            columns = np.concatenate(
                [
                    np.asarray(leaf, np.float64).reshape(len(indices), -1)
                    for leaf in jax.tree.leaves(found)
                ],
                axis=1,
            )
            worst = np.max(np.abs(columns.T - truth[:, indices]))
            return float(worst) if np.isfinite(worst) else np.inf

        step = min(_STEPS, key=error)
        note = (
            f"step {step:.2g}, of least error in a sweep from {_STEPS[0]:.1g} to {_STEPS[-1]:.1g}"
        )

    def program(x, fixed, step):
        return from_columns(difference(problem, x, fixed, step, jnp.arange(problem.n)), x)

    return Program(program, (problem.x, problem.fixed, jnp.asarray(step, dtype)), note)
