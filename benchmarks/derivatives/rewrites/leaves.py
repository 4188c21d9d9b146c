"""Many inputs of one number each as one array, which a derivative is taken by."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import jax
import jax.numpy as jnp

from ..method import InfeasibleError, Probe, Program
from ..problem import Leaves, Output, Problem


def stacked(problem: Problem, probe: Probe) -> Program:
    """Describe the derivative by one array, which holds all the inputs of the commonest type.

    Raises:
        InfeasibleError: If the inputs are of several types.
    """
    del probe
    if len({leaf.dtype for leaf in problem.x}) > 1:
        raise InfeasibleError("the inputs are of several types: one array cannot hold them")
    flat = jnp.concatenate([leaf.ravel() for leaf in problem.x])

    def fn(flat: jax.Array, fixed: Leaves) -> Output:
        return problem.fn(unstacked(flat, problem.x), fixed)

    transform = jax.jacfwd if problem.n < problem.m else jax.jacrev
    return Program(transform(fn), (flat, problem.fixed))


def unstacked(flat: jax.Array, like: Sequence[jax.Array]) -> Leaves:
    """Return the leaves that one array holds one after the other.

    Example:
        >>> unstacked(jnp.arange(3.0), (jnp.ones(()), jnp.ones(2)))
        (Array(0., dtype=float32), Array([1., 2.], dtype=float32))
    """
    ends = list(accumulate(leaf.size for leaf in like))
    parts = [flat[end - leaf.size : end] for end, leaf in zip(ends, like, strict=True)]
    return tuple(part.reshape(leaf.shape) for part, leaf in zip(parts, like, strict=True))


def whole(result: Any, problem: Problem) -> Any:
    """Return a derivative by one array as one by the leaves that it holds."""

    def split(block: jax.Array) -> Leaves:
        ends = accumulate(leaf.size for leaf in problem.x)
        parts = [
            block[..., end - leaf.size : end] for end, leaf in zip(ends, problem.x, strict=True)
        ]
        rows = block.shape[:-1]
        pairs = zip(parts, problem.x, strict=True)
        return tuple(part.reshape(rows + leaf.shape) for part, leaf in pairs)

    return split(result) if problem.scalar else tuple(map(split, result))
