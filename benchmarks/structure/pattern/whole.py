"""The pattern of a whole problem, if its program is short enough to be looked at."""

from collections.abc import Callable

import jax

from ...check.float64 import own_program
from ...derivatives.problem import Leaves, Problem
from ...program.walk import equations
from .detection import Pattern, find_pattern
from .marks import TooLargeError, extents

#: Programs of more operations are not looked at: JAX cannot be stopped while it traces their
#: derivative, and takes a tenth of a millisecond for each.
MOST_OPERATIONS = 20_000


def length_of(problem: Problem) -> int:
    """Return how many operations a program writes down; those of a loop count once."""
    return sum(1 for _ in equations(own_program(problem)))


def pattern_of_problem(problem: Problem, left: Callable[[], float]) -> Pattern:
    """Return the pattern of a Jacobian, its entries in order.

    Args:
        problem: What is differentiated; its inputs may be `ShapeDtypeStruct`s.
        left: Tells how many seconds are left.

    Raises:
        TooLargeError: If the program, the pattern, or looking for it outgrows the limits.

    Example:
        >>> import jax.numpy as jnp
        >>> from benchmarks.derivatives.problem import make_problem
        >>> problem = make_problem(lambda x: jnp.sin(x), (jnp.ones(3),))
        >>> pattern_of_problem(problem, lambda: 1.0).rows.indices.tolist()
        [0, 1, 2]
    """
    length = length_of(problem)
    if length > MOST_OPERATIONS:
        raise TooLargeError(f"a program of {length:,} operations")

    def outputs(x: Leaves, fixed: Leaves) -> list[jax.Array]:
        return jax.tree.leaves(problem.fn(x, fixed))

    pattern = find_pattern(outputs, problem.x, problem.fixed, left=left)
    pattern.rows.sort_indices()
    m, n = extents(pattern.rows)
    # Where all depends on all, no value of an argument can decide that it does.
    return pattern._replace(bound=frozenset()) if pattern.rows.nnz == m * n else pattern
