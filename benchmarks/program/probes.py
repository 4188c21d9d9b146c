"""For each way of differentiating a function: what is in the way of it, if anything is."""

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.extend.core import JaxprEqn

from .dataflow import Mark, Spot, first, marks
from .jaxpr import dtype, kind, trace
from .messages import Obstacle, underivable, untraceable
from .primitives import passes_complex_step, without_formula
from .remedies import ONE_WAY, remedy
from .source import line_of_error
from .walk import equations

Arrays: TypeAlias = list[jax.ShapeDtypeStruct]
#: Why the symbolic derivative is not taken, where it is no fault of the function.
NO_SYMPY = "SymPy is not installed"


class Split(NamedTuple):
    """A function whose floats and other inputs are two arguments, and what it is traced at."""

    fn: Callable[[Arrays, Arrays], tuple[jax.Array, ...]]  # returns the outputs that hold floats
    x: Arrays
    rest: Arrays


def is_floating(leaf: jax.ShapeDtypeStruct) -> bool:
    """Whether an array holds floats."""
    return jnp.issubdtype(leaf.dtype, jnp.floating)


def _forward(split: Split) -> Obstacle | None:
    fn, x, rest = split
    try:
        pushed = jax.make_jaxpr(lambda x, rest: jax.jvp(lambda x: fn(x, rest), (x,), (x,)))(x, rest)
    except Exception as error:
        return underivable(error)
    # JAX raises only when the result is run; until then it marks the place.
    pairs = list(equations(pushed))
    for eqn, line in pairs:
        if kind(eqn) == "custom_lin":
            # The function itself may be the custom_vjp: then its own lines are the only ones.
            source = line or next((known for _, known in pairs if known), "")
            instead = remedy(source, ONE_WAY) or "jax.custom_jvp, which serves both modes"
            return Obstacle(
                reason="a jax.custom_vjp says how to go backwards, and not how to go forwards",
                source=source,
                instead=f"{instead}; reverse mode works",
            )
    return None


def _reverse(split: Split) -> Obstacle | None:
    fn, x, rest = split

    def pull(x: Arrays, rest: Arrays) -> object:
        value, back = jax.vjp(lambda x: fn(x, rest), x)
        return back(value)

    try:
        jax.eval_shape(pull, x, rest)
    except Exception as error:
        return underivable(error)
    return None


def _complex_of(dtype: Any) -> Any:
    """Return the complex type of as many digits."""
    return jnp.complex128 if dtype == jnp.float64 else jnp.complex64


def _complex_step(split: Split) -> Obstacle | None:
    fn, x, rest = split
    small = [leaf for leaf in x if leaf.dtype not in (jnp.float32, jnp.float64)]
    if small:
        reason = f"there is no complex number of {small[0].dtype}"
        return Obstacle(reason=reason, source="", instead="inputs of float32 or float64")
    shifted = [v.update(dtype=_complex_of(v.dtype)) for v in x]
    try:
        program = trace(fn, shifted, rest)
    except Exception as error:
        reason = f"with complex inputs {untraceable(error).reason}"
        return Obstacle(reason=reason, source=line_of_error(error), instead="forward mode")
    sound = [None] * len(program.jaxpr.invars)
    lost = first(marks(program, sound, _loses_imaginary_part))
    if lost is None:
        return None
    return Obstacle(
        reason=f"`{lost.name}` is not analytic: it loses the imaginary part, "
        "which carries the derivative",
        source=lost.line,
        instead="forward mode",
    )


def _loses_imaginary_part(eqn: JaxprEqn, operands: Sequence[Mark], line: str) -> Mark:
    """Mark a real number that is made of a complex one, and what is made of it in turn.

    What holds no floats, or stands behind `stop_gradient`, is a constant to every mode.
    """
    name, result = kind(eqn), dtype(eqn.outvars[0])
    if name == "stop_gradient" or not jnp.issubdtype(result, jnp.inexact):
        return None
    stepped = any(jnp.issubdtype(dtype(v), jnp.complexfloating) for v in eqn.invars)
    analytic = jnp.issubdtype(result, jnp.complexfloating) and passes_complex_step(eqn)
    return first(operands) or (Spot(name, line) if stepped and not analytic else None)


def _symbolic(split: Split) -> Obstacle | None:
    fn, x, rest = split
    if importlib.util.find_spec("sympy") is None:
        instead = 'pip install "gradwise[suite]"'
        return Obstacle(reason=NO_SYMPY, source="", instead=instead)
    without: list[Spot] = []

    def rule(eqn: JaxprEqn, operands: Sequence[Mark], line: str) -> Mark:
        symbolic = [mark is not None for mark in operands]
        what = without_formula(eqn, symbolic) if any(symbolic) else None
        if what:
            without.append(Spot(what, line))
        return first(operands)

    symbols = [Spot("symbol", "") if is_floating(leaf) else None for leaf in (*x, *rest)]
    marks(trace(fn, x, rest), symbols, rule)
    if not without:
        return None
    return Obstacle(
        reason=f"{without[0].name} has no expression in SymPy here",
        source=without[0].line,
        instead="forward or reverse mode",
    )


#: What looks for an obstacle, by mode.
PROBES: dict[str, Callable[[Split], Obstacle | None]] = {
    "complex_step": _complex_step,
    "symbolic": _symbolic,
    "forward": _forward,
    "reverse": _reverse,
}
