"""`explain_nonfinite`: where the first NaN, infinity or lost digit of a function is made."""

from collections.abc import Callable
from functools import partial

from ..check.directions import random_probe
from ..check.explain import explain
from ..check.explanation import Explanation
from ..check.three_programs import PARTS
from ..derivatives.method import GaveUpError
from ..derivatives.problem import make_problem
from ..instrument.clock import time_left
from ..instrument.deadline import TimeUpError, stopped_after
from ..instrument.interrupts import never_dropped
from ..instrument.unwatched import unwatched
from ..program.arguments import Argnums
from .pace import pace_of

_SEED = 0
#: The share of the time that is kept for saying what was found.
_TELLING = 0.1


def explain_nonfinite(
    fn: Callable[..., object],
    *inputs: object,
    argnums: Argnums = None,
    has_aux: bool = False,
    mode: str | None = None,
    time_limit: float = 60.0,
) -> Explanation:
    """Say where the first NaN, infinity or lost digit of `fn` or its derivative is made, and why.

    The function, its push forward and its pull back along random directions are run equation by
    equation, in their own types and in float64 side by side. Named is the first operation whose
    result is not finite, or has lost its digits, though what went into it was sound, and without
    which all would be right: its line, the numbers that went in, the turn of the loop, and the
    cure, as code to type.

    Args:
        fn: A function of arrays or pytrees to an array or pytree.
        *inputs: Its arguments.
        argnums: The arguments that are differentiated; `None` for all that hold floats.
        has_aux: Whether `fn` returns a pair, of which the first alone is looked at.
        mode: `"value"`, `"forward"` or `"reverse"` to look at that alone; `None` for all three.
        time_limit: Seconds that it may take.

    Returns:
        What was found; its `str` is the text. `fine` says that everything is finite.

    Raises:
        TypeError: If `fn` cannot be traced, or returns no arrays.
        ValueError: If `mode` or `argnums` is out of range, or there is nothing to differentiate.

    Example:
        >>> import jax.numpy as jnp
        >>> from gradwise import explain_nonfinite
        >>> def energy(x):
        ...     return jnp.linalg.norm(x) ** 2
        >>> found = explain_nonfinite(energy, jnp.zeros(3))
        >>> found.where, found.operation, found.code
        ('reverse', 'sqrt', 'z = jnp.sum(x**2)')
    """
    if mode is not None and mode not in PARTS:
        raise ValueError(f"mode must be one of {', '.join(PARTS)} or None, got {mode!r}")
    left = time_left(time_limit)
    with never_dropped(), unwatched():
        called = "explain_nonfinite"
        problem = make_problem(fn, inputs, argnums=argnums, has_aux=has_aux, caller=called)
        probe = random_probe(problem, _SEED)
        modes = PARTS if mode is None else (mode,)
        # What was found by then is still to be told.
        pace = pace_of(lambda: left() - _TELLING * time_limit)
        work = partial(explain, problem, probe, modes, pace)
        try:
            return stopped_after(left(), work, "explaining")
        except (GaveUpError, TimeUpError) as error:
            return Explanation(unknown=f"{error}: give it more by time_limit=")
