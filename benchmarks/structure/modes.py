"""Which of JAX's modes a function has, said in time however long its program is."""

from ..check.float64 import own_program
from ..derivatives.problem import Problem
from ..program.jaxpr import kind, names
from ..program.messages import Obstacle
from ..program.obstacles import obstacles
from ..program.walk import equations

#: Programs of more equations than this are not differentiated to see whether they can be: JAX
#: takes some milliseconds for each.
_FEW = 1500
#: Programs of more are compiled once.
_MANY = 5000
#: What stops a mode, by its name in a program.
_STOPS = {
    "reverse": (names("while"), "a loop without a length that is known before it runs"),
    "forward": (names("custom_vjp_call"), "a custom rule that only says how to go backwards"),
}


def blocked_modes(problem: Problem) -> dict[str, Obstacle]:
    """Return why a mode is impossible, for each that is.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from benchmarks.derivatives.problem import make_problem
        >>> halve = lambda x: jax.lax.while_loop(lambda x: x > 1, lambda x: x / 2, x)
        >>> list(blocked_modes(make_problem(halve, (jnp.ones(()),))))
        ['reverse']
    """
    found = [kind(eqn) for eqn, _ in equations(own_program(problem))]
    if len(found) <= _FEW:
        modes = ("forward", "reverse")
        return obstacles(problem.fn, problem.x, problem.fixed, argnums=0, modes=modes)
    kinds = {*found}
    return {
        mode: Obstacle(reason=f"the function has {what}", source="", instead="another mode")
        for mode, (stops, what) in _STOPS.items()
        if kinds & stops
    }


def stopped_modes(problem: Problem) -> frozenset[str]:
    """Return the modes that some operation of a program stops, by its names alone."""
    kinds = {kind(eqn) for eqn, _ in equations(own_program(problem))}
    return frozenset(mode for mode, (stops, _) in _STOPS.items() if kinds & stops)


def is_long(problem: Problem) -> bool:
    """Whether a program is so long that to compile it in several ways takes too long."""
    return sum(1 for _ in equations(own_program(problem))) > _MANY
