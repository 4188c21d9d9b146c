"""A derivative that is zero at every point: what cuts the output from the inputs, and where."""

from collections.abc import Sequence

from jax.extend.core import JaxprEqn

from .custom_rules import RULES
from .dataflow import Mark, Spot, first, marks
from .jaxpr import Program, holds_floats, kind, opened
from .primitives import has_slope
from .walk import calls_but

_LIVE = Spot("", "")


def find_cut(program: Program, differentiated: Sequence[bool]) -> str:
    """Say what makes a program's derivative zero everywhere; `""` if nothing is sure to.

    A floating result depends on an input as far as derivatives go, unless every path between them
    passes a comparison, a rounding, a cast to an integer, `argmax`, `stop_gradient` or the like. A
    custom rule may say anything, so what it returns is taken to depend on all that it is given.

    Args:
        program: The function's.
        differentiated: Of each input, whether it is differentiated.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> def steps(x):
        ...     return jnp.sum(jnp.round(x) ** 2)
        >>> find_cut(jax.make_jaxpr(steps)(jnp.ones(3)), [True])
        '`round` at <doctest benchmarks.program.vanishing.find_cut[1]>:2 (steps) has no slope'
    """
    inputs = [_LIVE if moves else None for moves in differentiated]
    alive = marks(program, inputs, _alive, entered=calls_but(RULES))
    if any(mark for mark, v in zip(alive, opened(program).outvars, strict=True) if holds_floats(v)):
        return ""
    cuts = marks(program, inputs, _cut, entered=calls_but(RULES))
    known = [mark for mark, v in zip(cuts, opened(program).outvars, strict=True) if holds_floats(v)]
    cut = first([mark if mark != _LIVE else None for mark in known])
    if cut is None:
        return "no output depends on what is differentiated"
    return f"`{cut.name}`{cut.line and f' at {cut.line}'} has no slope"


def _alive(eqn: JaxprEqn, operands: Sequence[Mark], line: str) -> Mark:
    del line
    return first(operands) if has_slope(eqn) else None


def _cut(eqn: JaxprEqn, operands: Sequence[Mark], line: str) -> Mark:
    """Mark the result with the operation that cut it from the inputs, the first on its way."""
    cut = first([mark if mark != _LIVE else None for mark in operands])
    if cut is None and _LIVE in operands and not has_slope(eqn):
        return Spot(kind(eqn), line)
    return cut or first(operands)
