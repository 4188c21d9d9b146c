"""Equations at each component's place: of values, and what is linear in tangents."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn

from ...program.jaxpr import dtype, kind, names
from ...program.primitives import PLACE, PRIMITIVES
from .cells import Cells, RefusedError
from .space import Space

#: Beside those of the table: what has no slope, each number from those at its place.
_COMPARES = names(
    "and ceil eq floor ge gt is_finite le lt ne not or round select_n sign stop_gradient xor"
)
#: What says where or how numbers are held.
_PLACED = names(
    "device_put layout_constraint pbroadcast pvary reshard shard_alike sharding_constraint "
    "with_memory_space_constraint"
)


def each(space: Space, eqn: JaxprEqn, operands: Sequence[Any]) -> Cells:
    """Return what an equation makes of values, component by component.

    Raises:
        RefusedError: If it works on other numbers than those at one place.
    """
    name, known = kind(eqn), PRIMITIVES.get(kind(eqn))
    if not (name in _COMPARES or (known is not None and known.depends == PLACE)):
        raise RefusedError(name)
    if len(eqn.outvars) != 1 or name in _PLACED:
        raise RefusedError(name)
    types = [dtype(v) for v in (*eqn.invars, *eqn.outvars)]
    if any(jnp.issubdtype(one, jnp.inexact) and one != space.dtype for one in types):
        raise RefusedError("floats of two types")
    floats = jnp.issubdtype(types[-1], jnp.floating)
    make = _arithmetic(space, name) if floats else None
    cells = space.together(operands)

    def one(*own: int) -> int:
        return make(*own) if make else space.formulas.operation(eqn, own)

    return _at_places(one, cells, linear=False)


def linear(space: Space, eqn: JaxprEqn, operands: Sequence[Any]) -> Cells:
    """Return what an equation makes of tangents, component by component.

    Raises:
        RefusedError: If it is not known how.
    """
    name, terms = kind(eqn), _TERMS.get(kind(eqn))
    if terms is None:
        raise RefusedError(name)
    cells = space.together(operands)
    first = {"mul": 2, "div": 2, "select_n": 1}.get(name, 0)
    if name == "div" and cells[1].linear:
        raise RefusedError("a quotient by a tangent")
    tangents = [*cells[:first], *map(space.as_tangent, cells[first:])]
    swapped = name == "mul" and not cells[0].linear
    lead = next((cell for cell in cells if cell.axis is not None), cells[0])

    def one(*own: int) -> int:
        pairs = terms(space, *(own[::-1] if swapped else own))
        return space.slopes.total([(t, None, w) for t, w in pairs], lead.length)

    return _at_places(one, tangents, linear=True)


def _at_places(one: Callable[..., int], cells: Sequence[Cells], *, linear: bool) -> Cells:
    grids = np.broadcast_arrays(*(cell.ids for cell in cells))
    ids = np.empty(grids[0].shape, int)
    for place in np.ndindex(ids.shape):
        ids[place] = one(*(int(grid[place]) for grid in grids))
    lead = next((cell for cell in cells if cell.axis is not None), cells[0])
    return lead._replace(linear=linear).of(ids)


def _arithmetic(space: Space, name: str) -> Callable[..., int] | None:
    """Return what makes formulas of arithmetic; `None` for other operations."""
    formulas = space.formulas
    known: dict[str, Callable[..., int]] = {
        "add": formulas.add,
        "add_any": formulas.add,
        "copy": lambda a: a,
        "mul": formulas.mul,
        "neg": formulas.neg,
        "sub": lambda a, b: formulas.add(a, formulas.neg(b)),
    }
    return known.get(name)


def _sum(space: Space, *tangents: int) -> list[tuple[int, int]]:
    return [(tangent, space.formulas.number(1.0)) for tangent in tangents]


def _difference(space: Space, a: int, b: int) -> list[tuple[int, int]]:
    return [(a, space.formulas.number(1.0)), (b, space.formulas.number(-1.0))]


def _chosen(space: Space, which: int, *cases: int) -> list[tuple[int, int]]:
    if len(cases) != 2:
        raise RefusedError("a choice of many")
    zero, one = space.formulas.number(0.0), space.formulas.number(1.0)
    if cases[0] == cases[1]:
        return [(cases[0], one)]
    choose = space.formulas.choose
    return [(cases[0], choose(which, one, zero)), (cases[1], choose(which, zero, one))]


#: The tangents that a result is the sum of, and their weights.
_TERMS: dict[str, Callable[..., list[tuple[int, int]]]] = {
    "add": _sum,
    "add_any": _sum,
    "div": lambda space, a, b: [(a, space.formulas.over(b))],
    "mul": lambda space, a, b: [(a, b)],
    "neg": lambda space, a: [(a, space.formulas.number(-1.0))],
    "select_n": _chosen,
    "sub": _difference,
}
