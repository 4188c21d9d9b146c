"""How precisely a function can be checked: in float64, where it is the same function there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import jax
import jax.numpy as jnp

from ..derivatives.method import Probe
from ..derivatives.problem import Leaves, Problem
from ..program.jaxpr import kind
from ..program.walk import equations

_CALLBACKS = ("pure_callback", "io_callback")


def find_float64_obstacle(problem: Problem) -> str | None:
    """Say why the function cannot be checked in float64; `None` if it can.

    With inputs of float64 in 64-bit mode it may be another function, or none: `jax.random.normal`
    draws other numbers, a scan's carry that starts in float32 changes its type, and a callback
    returns what it returns.
    """
    if all(leaf.dtype == jnp.float64 for leaf in problem.x):
        return None
    try:
        draws = _draws(problem)
        with jax.enable_x64(True):
            wide = problem._replace(x=_wide(problem.x), fixed=_wide(problem.fixed))
            if _draws(wide) != draws:
                return "it draws other random numbers in float64"
    except Exception as error:  # whatever the user's function raises there
        return f"it cannot be traced in float64 ({type(error).__name__})"
    if any(name in _CALLBACKS for name, *_ in draws):
        return "it calls Python back, whose types are its own"
    return None


@contextmanager
def in_float64(problem: Problem, probe: Probe) -> Iterator[tuple[Problem, Probe]]:
    """Yield the same point and directions in float64, in 64-bit mode, where that is possible.

    Where something is in the way of float64, they are yielded as they are.
    """
    if problem.float64_obstacle:
        yield problem, probe
        return
    with jax.enable_x64(True):
        x, fixed, tangent = map(_wide, (problem.x, problem.fixed, probe.tangent))
        shapes = jax.eval_shape(problem.fn, x, fixed)
        weights = jax.tree.map(lambda w, s: w.astype(s.dtype), probe.cotangent, shapes)
        yield problem._replace(x=x, fixed=fixed), Probe(tangent, weights)


def _wide(leaves: Sequence[jax.Array]) -> Leaves:
    """Return floating leaves in float64, complex ones in complex128, and the others as they are."""

    def widened(leaf: jax.Array) -> jax.Array:
        inexact = jnp.issubdtype(leaf.dtype, jnp.inexact)
        return leaf.astype(jnp.promote_types(leaf.dtype, jnp.float64)) if inexact else leaf

    return tuple(map(widened, leaves))


def _draws(problem: Problem) -> list[tuple]:
    """List what the program takes from elsewhere: random bits, and the results of callbacks."""
    program = jax.make_jaxpr(problem.fn)(problem.x, problem.fixed)
    return [
        (kind(eqn), eqn.params.get("bit_width"), eqn.params.get("shape"))
        for eqn, _ in equations(program)
        if kind(eqn) in ("random_bits", *_CALLBACKS)
    ]
