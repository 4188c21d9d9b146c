"""A way to differentiate, as a small value: what it is called, what it gives, how it is built."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from .problem import Leaves, Problem


class Probe(NamedTuple):
    """Random directions that products are taken along and every derivative is checked along.

    Attributes:
        tangent: A direction in the inputs, with the structure of `Problem.x`.
        cotangent: Weights of the outputs, with the structure of the output of `Problem.fn`.
    """

    tangent: Leaves
    cotangent: Any


class Truth(NamedTuple):
    """What is known of the derivative in float64, to check every method against.

    Attributes:
        value: `[m]` the function's value.
        tangent: `[m]` the Jacobian times the probe's tangent.
        cotangent: `[n]` the probe's cotangent times the Jacobian.
        jacobian: `[m, n]`, or `None` where it is too large to be kept.
        source: How it was found, in words.
    """

    value: np.ndarray
    tangent: np.ndarray
    cotangent: np.ndarray
    jacobian: np.ndarray | None
    source: str


class Context(NamedTuple):
    """What a method may know while it is built.

    Attributes:
        probe: The directions of this comparison.
        truth: The derivative it will be checked against; methods with a free choice (the step
            of a difference) may take the choice of least error.
        memory_limit: Bytes a program may take.
        search_seconds: After this long a search makes do with what it has tried.
    """

    probe: Probe
    truth: Truth
    memory_limit: float
    search_seconds: float


class Program(NamedTuple):
    """What is compiled and timed: `fn(*args)`, and a remark on how it was chosen."""

    fn: Callable[..., Any]
    args: tuple
    note: str = ""


class Method(NamedTuple):
    """A way to take a derivative.

    Attributes:
        name: The row's name.
        mode: `"none"`, `"numerical"`, `"symbolic"`, `"forward"`, `"reverse"` or `"mixed"`.
        kind: What its program returns: `"value"`, `"jvp"`, `"tangent"`, `"vjp"`,
            `"value_and_grad"`, `"jacobian"`, `"estimate"`, `"hvp"` or `"hessian"`.
        order: The order of the comparisons it belongs to.
        needs: What must be possible for it: keys of `analysis.obstacles`, and `"scalar"`.
        exact: Whether its only error is rounding.
        what: One line that says what it does.
        build: `build(problem, context) -> Program`.
        evaluations: How many runs of the function `n` inputs and `m` outputs ask for, at least,
            counting a pass forward or backward as one.
        bound: How many times the function's operations it may cost (Griewank & Walther, 2008), or
            `None` where nothing is proved.
        own: Whether it is a `Candidate`, whose code nobody else has checked.
        product: `product(result, problem, tangent)` applies a result of another form than that of
            `jax.jacrev` to a tangent, so that it can be checked.
    """

    name: str
    mode: str
    kind: str
    order: int
    needs: tuple[str, ...]
    exact: bool
    what: str
    build: Callable[[Problem, Context], Program]
    evaluations: Callable[[int, int], int] = lambda n, m: 1
    bound: Callable[[int, int], float] | None = None
    own: bool = False
    product: Callable[[Any, Problem, Leaves], Any] | None = None


class Candidate(NamedTuple):
    """A derivative of one's own, to stand in the table beside the library's methods.

    Attributes:
        name: The row's name, such as `"blocks"`; no other row may have it.
        mode: `"forward"`, `"reverse"` or `"mixed"`: which mode it is built from.
        derivative: `derivative(*inputs)`, jittable, gives the derivative in any form.
        product: `product(derivative, tangents)` gives the derivative applied to `tangents`, a
            tuple with the structure of the differentiated inputs; the result has the structure of
            the function's output, for a Hessian that of `tangents`. It is how a sparse or blocked
            derivative is checked. `None` if `derivative` has the structure of
            `jax.jacrev(fn, argnums)`, or for `order=2` of `jax.hessian(fn, argnums)`.
    """

    name: str
    mode: str
    derivative: Callable[..., Any]
    product: Callable[[Any, tuple], Any] | None = None


class InfeasibleError(ValueError):
    """A method cannot be applied to this function; the message says why."""


class GaveUpError(RuntimeError):
    """A method was tried and outgrew its limits; the message says how far it got."""


def ravel(leaves: Any) -> np.ndarray:
    """The leaves of a pytree of arrays as one float64 vector."""
    parts = [np.asarray(leaf, np.float64).ravel() for leaf in jax.tree.leaves(leaves)]
    return np.concatenate(parts) if parts else np.zeros(0)


def dense(jacobian: Any, problem: Problem) -> np.ndarray:
    """A Jacobian with the structure of `jax.jacrev` as a float64 `[m, n]` array."""
    rows = (jacobian,) if problem.scalar else jacobian
    return np.concatenate(
        [
            np.concatenate(
                [
                    np.asarray(block, np.float64).reshape(-1, leaf.size)
                    for block, leaf in zip(row, problem.x, strict=True)
                ],
                axis=1,
            )
            for row in rows
        ]
    )
