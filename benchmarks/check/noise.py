"""How much of a result is rounding: the same program in float64 whose operations round coarsely.

Each operation's result is moved at random by up to `COARSE` of itself. What moves the result of the
whole by more than the result is, has terms that cancel; how far it moves, over `COARSE`, is how
large these terms are (D. S. Parker, Monte Carlo Arithmetic, 1997). Nothing else can be told from a
number such as 1e-17: it may be all of a derivative, or what is left of one that is zero.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn

from ..derivatives.method import Probe
from ..derivatives.problem import Leaves, Output, Problem
from ..program.jaxpr import kind, names
from ..program.primitives import MOVED, NOTHING, PRIMITIVES
from ..program.wide_values import wide_operation
from ..program.widening import Operation, widened
from .directions import Pace

#: By how much of itself each operation's result is moved: float64 itself rounds to 2^-53.
COARSE = 2.0**-40
#: Runs whose largest movement counts.
_RUNS = 4
#: A number may be this many times the rounding of the terms that it is the sum of.
MARGIN = 30.0
#: Operations that round nothing, beside those that move data.
_EXACT = names(
    "abs clamp conj convert_element_type copy cummax cummin device_put imag max min neg "
    "optimization_barrier real reduce_max reduce_min reduce_precision sharding_constraint sign sort"
)
#: They round inside, as often as they have terms.
_SUMS = names(
    "conv_general_dilated cumsum dot_general reduce_sum reduce_window_sum scatter-add scatter-sub"
)
_ODD = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9))


def coarse(seed: int | jax.Array) -> Operation:
    """Return what does an equation on wide values as `wide_operation` does, and moves its result.

    How a number is moved depends on the number and the seed alone, so that equal ones stay equal.
    """

    def operation(eqn: JaxprEqn, operands: Sequence[Any]) -> list[Any]:
        name = kind(eqn)
        if name in _SUMS:
            operands = [_moved(operand, seed) for operand in operands]
        results = wide_operation(eqn, operands)
        known = PRIMITIVES.get(name)
        exact = name in _EXACT or (known is not None and known.depends in (MOVED, NOTHING))
        return results if exact else [_moved(result, seed) for result in results]

    return operation


def terms(
    fn: Callable[..., Sequence[jax.Array]], args: tuple, pace: Pace
) -> Callable[..., list[np.ndarray]]:
    """Return what tells how large the terms are that each number of a function's results sums up.

    Call both in 64-bit mode.

    Args:
        fn: A function of wide arrays to a sequence of such.
        args: Arguments like those that what is returned is called with.
        pace: How it is run.

    Example:
        >>> from benchmarks.check.directions import UNHURRIED
        >>> with jax.enable_x64(True):
        ...     fn = lambda x: [100 * jnp.sin(x) - 99.9 * jnp.sin(x)]
        ...     (size,) = terms(fn, (1.0,), UNHURRIED)(1.0)
        >>> bool(30 < size < 300)  # of which little is left
        True
    """
    program = jax.make_jaxpr(fn)(*args)

    def run(*leaves: jax.Array) -> list[jax.Array]:
        results = widened(program)(*leaves)

        def distances(seed: jax.Array) -> list[jax.Array]:
            again = widened(program, operation=coarse(seed))(*leaves)
            return [jnp.abs(one - other) for one, other in zip(again, results, strict=True)]

        apart = jax.lax.map(distances, jnp.arange(1, _RUNS + 1, dtype=jnp.uint64))
        return [jnp.max(one, axis=0) / COARSE for one in apart]

    prepared = pace.prepare(run, tuple(jax.tree.leaves(args)))
    return lambda *args: [np.asarray(size) for size in prepared(*jax.tree.leaves(args))]


def terms_of_product(
    problem: Problem, probe: Probe, mode: str, pace: Pace
) -> Callable[[Leaves], list[np.ndarray]]:
    """Return `sizes(x)`, how large the terms of the outputs and of a product are, vectors both.

    Args:
        problem: What is differentiated, in float64.
        probe: The directions that products are taken along.
        mode: `"forward"` or `"reverse"`.
        pace: How it is run.
    """

    def push(x: Leaves, fixed: Leaves, tangent: Leaves) -> list[jax.Array]:
        return _flat(jax.jvp(lambda x: problem.fn(x, fixed), (x,), (tangent,)))

    def pull(x: Leaves, fixed: Leaves, cotangent: Output) -> list[jax.Array]:
        value, back = jax.vjp(lambda x: problem.fn(x, fixed), x)
        return _flat((value, back(cotangent)))

    way = {"forward": (push, probe.tangent), "reverse": (pull, probe.cotangent)}
    fn, direction = way[mode]
    sizes = terms(fn, (problem.x, problem.fixed, direction), pace)
    return lambda x: sizes(x, problem.fixed, direction)


def _flat(parts: tuple) -> list[jax.Array]:
    """Return each part, a pytree of arrays, as one vector."""
    return [jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(part)]) for part in parts]


def _moved(value: Any, seed: int | jax.Array) -> Any:
    """Return floating numbers, each moved by up to `COARSE` of itself; any other as it is."""
    value = jnp.asarray(value)
    if jnp.iscomplexobj(value):
        return jax.lax.complex(_moved(value.real, seed), _moved(value.imag, seed))
    if value.dtype != jnp.float64:
        return value
    bits = (jax.lax.bitcast_convert_type(value, jnp.uint64) ^ jnp.uint64(seed)) * _ODD[0]
    bits = (bits ^ (bits >> 29)) * _ODD[1]
    share = (bits >> 11).astype(jnp.float64) * 2.0**-52 - 1  # in [-1, 1)
    return value * (1 + COARSE * share)
