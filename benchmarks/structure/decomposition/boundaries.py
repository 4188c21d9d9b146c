"""Where a program is cut into parts: around dense layers, and where few numbers are alive."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from jax.extend.core import JaxprEqn, Var

from ...program.jaxpr import kind, shape
from .flat import Flat, size_of, variables

#: Boundaries that are considered, at most.
_MOST = 16
#: What is no layer is a boundary if the inputs or the outputs hold so many times more.
_NARROW = 2


class Boundary(NamedTuple):
    """Values between two parts of a program, through which alone the later depends on the inputs.

    Attributes:
        place: How many equations come before.
        values: The values.
    """

    place: int
    values: list[Var]

    @property
    def size(self) -> int:
        """How many numbers they are."""
        return int(sum(map(size_of, self.values)))


def useful_values(whole: Flat) -> set[Var]:
    """Return the values that a derivative passes through on its way to the outputs."""
    useful = {v for v in variables(whole.program.jaxpr.outvars) if v in whole.active}
    for eqn in reversed(whole.program.jaxpr.eqns):
        if any(v in useful for v in eqn.outvars):
            useful |= {v for v in variables(eqn.invars) if v in whole.active}
    return useful


def inner_boundaries(whole: Flat, useful: set[Var], widest: int) -> list[Boundary]:
    """Return where to cut: around dense layers, and where few numbers are alive.

    What is alive at a place is what was made before and is needed later. Derivatives pass through
    it alone, whatever the inputs are, and however often it is used after.
    """
    jaxpr = whole.program.jaxpr
    last = {v: place for place, eqn in enumerate(jaxpr.eqns) for v in variables(eqn.invars)}
    last |= dict.fromkeys(variables(jaxpr.outvars), len(jaxpr.eqns))
    alive = [v for v in whole.inputs if v in useful and v in last]
    every = [Boundary(0, alive)]
    layers: set[int] = set()
    for place, eqn in enumerate(jaxpr.eqns):
        alive = [v for v in alive if last[v] > place]
        alive += [v for v in eqn.outvars if v in useful and v in last]
        every.append(Boundary(place + 1, alive))
        if is_dense_layer(eqn, every[place].values) and alive == eqn.outvars:
            before = place  # weights that are computed in between move nothing
            while before and every[before - 1].values == every[place].values:
                before -= 1
            layers |= {before, place + 1}
    return _chosen(every, layers, widest)


def _chosen(every: Sequence[Boundary], layers: set[int], widest: int) -> list[Boundary]:
    """Return those around layers, and the narrow ones, the narrowest first where they are many."""
    sizes = [sum(map(size_of, boundary.values)) for boundary in every]
    chosen: list[tuple[float, int]] = []
    for place in range(1, len(every) - 1):
        size = sizes[place]
        least = sizes[place - 1] > size <= sizes[place + 1] and _NARROW * size <= widest
        moved = every[place].values not in (every[0].values, every[place - 1].values)
        if 0 < size < math.inf and (place in layers or least) and moved:
            chosen.append((size, place))
    return [every[place] for place in sorted(place for _, place in sorted(chosen)[:_MOST])]


def is_dense_layer(eqn: JaxprEqn, moving: Sequence[Var]) -> bool:
    """Whether an equation is the product of the one vector that moves and of weights."""
    if kind(eqn) != "dot_general" or len(moving) != 1 or len(variables(eqn.invars)) < 2:
        return False
    sides = [side for side, v in enumerate(eqn.invars) if v in moving]
    contracted, batch = eqn.params["dimension_numbers"]
    if len(sides) != 1 or batch[0]:
        return False
    sizes, axes = shape(eqn.invars[sides[0]]), contracted[sides[0]]
    return all(size == 1 for axis, size in enumerate(sizes) if axis not in axes)
