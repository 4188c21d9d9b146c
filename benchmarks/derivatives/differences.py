"""Numerical differentiation: one-sided and central differences, and the complex step."""

from collections.abc import Mapping
from functools import partial
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np

from .jacobians import Jacobian, from_columns, one_hot
from .method import Label, Probe, Program, Search
from .problem import Leaves, Output, Problem

#: Steps of the sweep, relative to max(1, |x|): from far too large to far too small.
_STEPS = tuple(float(step) for step in np.logspace(-0.5, -10, 20))
#: Directions that the sweep looks at; the whole Jacobian would cost a sweep of sweeps.
_SWEPT = 8


class Difference(Protocol):
    """Some columns of a Jacobian by a difference quotient."""

    def __call__(
        self, problem: Problem, x: Leaves, fixed: Leaves, step: jax.Array, indices: jax.Array
    ) -> Output:
        """Return the columns `indices`, stacked."""
        ...


def numerical(problem: Problem, probe: Probe) -> Search:
    """Describe central differences, 2n evaluations, at the step of least error."""
    del probe
    return _at_best_step(central, 3, problem)


def numerical_forward(problem: Problem, probe: Probe) -> Search:
    """Describe one-sided differences, n + 1 evaluations, at the step of least error."""
    del probe
    return _at_best_step(one_sided, 2, problem)


def complex_step(problem: Problem, probe: Probe) -> Program:
    """Describe Im f(x + ih) / h: no difference is taken, so nothing cancels.

    W. Squire and G. Trapp, Using Complex Variables to Estimate Derivatives of Real Functions, 1998.
    """
    del probe
    step = 1e-20

    def program(x: Leaves, fixed: Leaves) -> Jacobian:
        def column(index: jax.Array) -> Output:
            moved = tuple(
                jax.lax.complex(leaf, step * basis)
                for leaf, basis in zip(x, one_hot(index, x), strict=True)
            )
            return jax.tree.map(lambda leaf: jnp.imag(leaf) / step, problem.fn(moved, fixed))

        return from_columns(jax.lax.map(column, jnp.arange(problem.n)), x)

    return Program(program, (problem.x, problem.fixed))


def central(
    problem: Problem, x: Leaves, fixed: Leaves, step: jax.Array, indices: jax.Array
) -> Output:
    """Return columns by central differences: an error of order step^2, and of rounding / step."""

    def column(index: jax.Array) -> Output:
        ahead, there = _moved(x, index, step)
        behind, back = _moved(x, index, -step)
        high, low = problem.fn(ahead, fixed), problem.fn(behind, fixed)
        return jax.tree.map(lambda a, b: (a - b) / (there - back).astype(a.dtype), high, low)

    return jax.lax.map(column, indices)


def one_sided(
    problem: Problem, x: Leaves, fixed: Leaves, step: jax.Array, indices: jax.Array
) -> Output:
    """Return columns by one-sided differences: an error of order step, and of rounding / step."""
    here = problem.fn(x, fixed)

    def column(index: jax.Array) -> Output:
        ahead, there = _moved(x, index, step)
        return jax.tree.map(
            lambda a, b: (a - b) / there.astype(a.dtype), problem.fn(ahead, fixed), here
        )

    return jax.lax.map(column, indices)


def _moved(x: Leaves, index: jax.Array, step: jax.Array) -> tuple[Leaves, jax.Array]:
    """Move one number of `x` by about step * max(1, |x|), and return how far it really moved."""
    basis = one_hot(index, x)

    def coordinate(leaves: Leaves) -> jax.Array:
        pairs = zip(leaves, basis, strict=True)
        return sum((jnp.sum(leaf * part) for leaf, part in pairs), jnp.zeros(()))

    here = coordinate(x)
    width = step * jnp.maximum(1, jnp.abs(here))
    moved = tuple(
        leaf + part * width.astype(leaf.dtype) for leaf, part in zip(x, basis, strict=True)
    )
    return moved, coordinate(moved) - here


def _at_best_step(difference: Difference, power: int, problem: Problem) -> Search:
    """Describe the difference at the step whose error, over a few columns, is least.

    Where no Jacobian is known to compare with, the step is eps^(1/power): at it an error of order
    step^(power - 1) balances rounding.
    """
    dtype = jnp.result_type(*problem.x)
    swept = np.linspace(0, problem.n - 1, min(problem.n, _SWEPT)).astype(int)
    columns = partial(difference, problem)  # one function, so that it compiles once
    trials = {
        step: Program(columns, (problem.x, problem.fixed, jnp.asarray(step, dtype), swept))
        for step in _STEPS
    }

    def whole(x: Leaves, fixed: Leaves, step: jax.Array) -> Jacobian:
        return from_columns(difference(problem, x, fixed, step, jnp.arange(problem.n)), x)

    def program(step: Label, note: str = "") -> Program:
        return Program(whole, (problem.x, problem.fixed, jnp.asarray(step, dtype)), note)

    def note(step: Label, errors: Mapping[Label, float]) -> str:
        return (
            f"step {step:.2g}, of least error in a sweep from {_STEPS[0]:.1g} to {_STEPS[-1]:.1g}"
        )

    default = float(jnp.finfo(dtype).eps) ** (1 / power)
    return Search(
        trials,
        "error",
        note,
        error=partial(_worst, swept),
        chosen=program,
        unguided=program(default, f"step {default:.2g} = eps^(1/{power})"),
    )


def _worst(swept: np.ndarray, result: object, jacobian: np.ndarray) -> float:
    """Return the largest error of the columns that were swept; infinity if one is not finite."""
    leaves = [np.asarray(leaf, np.float64) for leaf in jax.tree.leaves(result)]
    columns = np.concatenate([leaf.reshape(len(swept), -1) for leaf in leaves], axis=1)
    worst = np.max(np.abs(columns.T - jacobian[:, swept]))
    return float(worst) if np.isfinite(worst) else np.inf
