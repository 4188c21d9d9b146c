"""How far the result of a method is from the truth."""

from functools import reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..derivatives.jacobians import Jacobian
from ..derivatives.method import Method, Probe, Truth, dense, ravel
from ..derivatives.problem import Leaves, Problem

#: The kinds of method that give a cotangent times the Jacobian.
_VJPS = ("value_and_vjp", "value_and_grad", "gradient")


class Deviation(NamedTuple):
    """How far a result is off, relative to the largest true entry.

    Attributes:
        error: The distance from the derivative.
        fault: The distance from what the method should give. It differs from the error for an
            estimate alone, whose error is its variance.
    """

    error: float
    fault: float


def relative_error(result: np.ndarray, true: np.ndarray) -> float:
    """Return the largest difference, over the largest true entry."""
    scale = float(np.max(np.abs(true), initial=0.0))
    return float(np.max(np.abs(result - true), initial=0.0)) / (scale or 1.0)


def deviation(
    method: Method, result: object, problem: Problem, probe: Probe, truth: Truth
) -> Deviation:
    """Compare the result of a method with the truth."""
    if method.kind == "estimate":
        expected = truth.jvp * ravel(probe.tangent)
        estimate = ravel(result)
        return Deviation(relative_error(estimate, truth.vjp), relative_error(estimate, expected))
    distance = relative_error(*_pair(method, result, problem, probe, truth))
    return Deviation(distance, distance)


def _pair(
    method: Method, result: object, problem: Problem, probe: Probe, truth: Truth
) -> tuple[np.ndarray, np.ndarray]:
    """Return the result and what it should be, as arrays of one shape."""
    if method.product is not None:
        return ravel(method.product(result, problem, probe.tangent)), truth.jvp
    if method.kind in ("jacobian", "hessian"):
        assert isinstance(result, tuple)
        if truth.jacobian is not None:
            return dense(result, problem), truth.jacobian
        return ravel(contract(result, probe.tangent)), truth.jvp
    if method.kind.startswith("value_and_"):
        assert isinstance(result, tuple)
        result = result[1]
    true = {"value": truth.value} | dict.fromkeys(_VJPS, truth.vjp)
    return ravel(result), true.get(method.kind, truth.jvp)


def contract(jacobian: Jacobian, tangent: Leaves) -> object:
    """Apply a Jacobian with the structure of `jax.jacrev` to a tangent."""

    def row(blocks: Leaves) -> jax.Array:
        products = [
            jnp.tensordot(block, leaf, axes=leaf.ndim)
            for block, leaf in zip(blocks, tangent, strict=True)
        ]
        return reduce(jnp.add, products)

    nested = jacobian and isinstance(jacobian[0], tuple)
    return tuple(row(blocks) for blocks in jacobian) if nested else row(jacobian)
