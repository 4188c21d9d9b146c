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
        error: The distance from the derivative; `None` if all of that is zero but for rounding.
        fault: The distance from what the method should give. It differs from the error for an
            estimate alone, whose error is its variance.
        left: The largest entry that should be zero, over the terms that cancel in it: some epsilons
            of its type.
        largest: That entry.
    """

    error: float | None
    fault: float
    left: float = 0.0
    largest: float = 0.0


def relative_error(result: np.ndarray, true: np.ndarray) -> float:
    """Return the largest difference, over the largest true entry."""
    scale = float(np.max(np.abs(true), initial=0.0))
    with np.errstate(invalid="ignore"):  # infinity less infinity is NaN, and off
        return float(np.max(np.abs(result - true), initial=0.0)) / (scale or 1.0)


def deviation(
    method: Method, result: object, problem: Problem, probe: Probe, truth: Truth
) -> Deviation:
    """Compare the result of a method with the truth."""
    terms = _terms(method, probe, truth)
    if method.kind == "estimate":
        estimate = ravel(result)
        if np.all(terms):
            return _of_zeros(estimate, terms)
        expected = truth.jvp * ravel(probe.tangent)
        return Deviation(relative_error(estimate, truth.vjp), relative_error(estimate, expected))
    given, true = _pair(method, result, problem, probe, truth)
    if given.ndim > 1:
        terms = terms[..., None]
    zero = np.broadcast_to(terms > 0, given.shape)
    if not np.any(zero):
        distance = relative_error(given, true)
        return Deviation(distance, distance)
    rounding = _of_zeros(given[zero], np.broadcast_to(terms, given.shape)[zero])
    if np.all(zero):
        return rounding
    distance = relative_error(given[~zero], true[~zero])
    return rounding._replace(error=distance, fault=distance)


def _of_zeros(given: np.ndarray, terms: np.ndarray) -> Deviation:
    """Say how large numbers are that are zero but for the rounding of terms."""
    left = float(np.max(np.abs(given) / terms, initial=0.0))
    largest = float(np.max(np.abs(given), initial=0.0))
    return Deviation(None if largest else 0.0, 0.0, left, largest)


def _terms(method: Method, probe: Probe, truth: Truth) -> np.ndarray:
    """Return how large the terms are where a result is zero but for rounding, and 0 elsewhere.

    It is one number for each output, or one for all entries where outputs are summed up.
    """
    if truth.zeros is None:
        return np.zeros(())
    if method.kind == "value":
        return truth.zeros.value
    if method.kind == "trace":  # a sum of many, of which some may be anything but zero
        return np.zeros(())
    slope = truth.zeros.slope
    if method.kind not in (*_VJPS, "estimate"):
        return slope
    weights = ravel(probe.tangent if method.kind == "estimate" else probe.cotangent)
    return np.linalg.norm(weights) * np.max(slope) * np.all(slope > 0)


def _pair(
    method: Method, result: object, problem: Problem, probe: Probe, truth: Truth
) -> tuple[np.ndarray, np.ndarray]:
    """Return the result and what it should be, as arrays of one shape."""
    if method.whole is not None:
        result = method.whole(result, problem)
    if method.product is not None:
        return ravel(method.product(result, problem, probe.tangent)), truth.jvp
    if method.kind in ("jacobian", "hessian"):
        assert isinstance(result, tuple)
        if truth.jacobian is not None:
            return dense(result, problem), truth.jacobian
        return ravel(contract(result, probe.tangent)), truth.jvp
    if method.kind in ("diagonal", "trace"):
        assert truth.jacobian is not None
        return _of_diagonal(method.kind, ravel(result), np.diagonal(truth.jacobian))
    if method.kind.startswith("value_and_"):
        assert isinstance(result, tuple)
        result = result[1]
    true = {"value": truth.value} | dict.fromkeys(_VJPS, truth.vjp)
    return ravel(result), true.get(method.kind, truth.jvp)


def _of_diagonal(
    kind: str, result: np.ndarray, diagonal: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return a diagonal or a trace and what it should be.

    A trace is a sum that may cancel: how far off it is counts over the sum of all sizes, which
    stands beside it.
    """
    if kind == "diagonal":
        return result, diagonal
    sizes = np.sum(np.abs(diagonal))
    return np.append(result, sizes), np.array([np.sum(diagonal), sizes])


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
