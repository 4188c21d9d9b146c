"""What the finders of further ways are handed: a function, and what is known of it."""

import math
from collections.abc import Callable
from typing import NamedTuple

from scipy.sparse import csr_array

from ..derivatives.problem import Problem


class Sought(NamedTuple):
    """A function whose Jacobian is to be taken in a way that its program allows.

    Attributes:
        problem: What is differentiated.
        rows: The pattern of its Jacobian; `None` if it is not known.
        operations: How many operations one run of the function takes.
        left: Tells how many seconds of looking are left.
        runs: Whether the function may be run, to compare values.

    Example:
        >>> import jax.numpy as jnp
        >>> from benchmarks.derivatives.problem import make_problem
        >>> sought = Sought(make_problem(jnp.sin, (jnp.ones(5),)))
        >>> sought.n, sought.m
        (5, 5)
    """

    problem: Problem
    rows: csr_array | None = None
    operations: float = 100.0
    left: Callable[[], float] = lambda: math.inf
    runs: bool = True

    @property
    def n(self) -> int:
        """How many numbers it is differentiated by."""
        return self.problem.n

    @property
    def m(self) -> int:
        """How many numbers its outputs hold."""
        return self.problem.m
