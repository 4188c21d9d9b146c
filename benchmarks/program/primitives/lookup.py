"""Ask the table about an equation."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn

from ..jaxpr import dtype, holds_floats, kind
from .cost import Cost
from .table import MOVED, NOTHING, PRIMITIVES

_TRUTH = np.dtype(bool)


def cost_of(eqn: JaxprEqn) -> Cost | None:
    """Count an equation that holds no program; `None` for a primitive that is not known."""
    known = PRIMITIVES.get(kind(eqn))
    return None if known is None else known.cost(eqn)


def has_slope(eqn: JaxprEqn) -> bool:
    """Whether a derivative passes an equation: no rounding does, no comparison and no integer."""
    known = PRIMITIVES.get(kind(eqn))
    flat = known is not None and known.depends == NOTHING
    return not flat and any(map(holds_floats, eqn.outvars))


def passes_complex_step(eqn: JaxprEqn) -> bool:
    """Whether the step along the imaginary axis passes through an equation."""
    known = PRIMITIVES.get(kind(eqn))
    return known is not None and known.complex_step


def index_places(eqn: JaxprEqn) -> range:
    """Return which operands of an equation are indices or predicates instead of data."""
    known = PRIMITIVES.get(kind(eqn))
    return range(len(eqn.invars))[known.indices if known else slice(0, 0)]


def moves(eqn: JaxprEqn, symbolic: Sequence[bool]) -> bool:
    """Whether an equation only moves data, to places that are known.

    Args:
        eqn: The equation.
        symbolic: For each operand, whether it holds expressions instead of known numbers.
    """
    known = PRIMITIVES.get(kind(eqn))
    moved = known is not None and known.depends == MOVED
    return moved and not any(symbolic[place] for place in index_places(eqn))


def without_formula(eqn: JaxprEqn, symbolic: Sequence[bool]) -> str | None:
    """Say what of an equation cannot be read as a formula; `None` if all of it can.

    Args:
        eqn: The equation.
        symbolic: For each operand, whether it holds expressions instead of known numbers.
    """
    name, old = kind(eqn), dtype(eqn.invars[0])
    if any(jnp.issubdtype(dtype(v), np.complexfloating) for v in (*eqn.invars, *eqn.outvars)):
        return f"`{name}` of complex numbers"
    if moves(eqn, symbolic):
        return None
    if name in ("and", "not", "or") and old != _TRUTH:
        return f"`{name}` of an integer's bits"
    if name == "div" and np.issubdtype(old, np.integer):
        return "a division of integers"
    if name == "convert_element_type" and np.issubdtype(eqn.params["new_dtype"], np.integer):
        whole = old == _TRUTH or np.issubdtype(old, np.integer)
        return None if whole else "a cast to an integer"
    known = PRIMITIVES.get(name)
    return f"`{name}`" if known is None or known.read is None else None
