"""Arguments in which a function is linear, or by which its derivative is the same everywhere."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr

from ...program.jaxpr import trace

#: Functions of more differentiated arrays than this are not looked at array by array.
_MOST = 8


def uses(program: ClosedJaxpr, places: Sequence[int]) -> bool:
    """Whether a program without dead code uses any of some inputs."""
    jaxpr = program.jaxpr
    asked = {id(jaxpr.invars[place]) for place in places}
    used = [*jaxpr.outvars, *(v for eqn in jaxpr.eqns for v in eqn.invars)]
    return any(id(v) in asked for v in used)


def linear_in(
    fn: Callable[..., Sequence[jax.Array]],
    x: Sequence[Any],
    fixed: Sequence[Any],
    left: Callable[[], float],
) -> dict[int, bool]:
    """Return the arrays of `x` in which `fn(x, fixed)` is linear, but for a constant.

    Returns:
        For each its place, and whether the derivative by it is the same for all inputs; what is not
        there may be linear all the same.

    Example:
        >>> import jax.numpy as jnp
        >>> fn = lambda x, _: [x[0] * jnp.sin(x[1]) + 2 * x[2]]
        >>> linear_in(fn, [jnp.ones(3)] * 3, [], lambda: 1.0)
        {0: False, 2: True}
    """
    if len(x) > _MOST:
        return {}
    found: dict[int, bool] = {}
    for place in range(len(x)):
        if left() < 0:
            break

        def along(x: Sequence[Any], t: Any, f: Sequence[Any], place: int = place) -> Any:
            moved = lambda leaf: fn([*x[:place], leaf, *x[place + 1 :]], f)  # noqa: E731
            return jax.jvp(moved, (x[place],), (t,))[1]

        try:
            program = trace(along, list(x), x[place], list(fixed))
        except TypeError:  # a rule that only says how to go backwards
            break
        every = range(len(program.jaxpr.invars))
        if not uses(program, [place]) and not program.jaxpr.effects:
            found[place] = not uses(program, [i for i in every if i != len(x)])
    return found
