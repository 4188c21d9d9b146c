"""The fewest numbers through which a program's outputs depend on its inputs.

They are a minimum vertex cut of the computational graph, whose capacities are the sizes of the
values. A value that no derivative passes through, such as an index or what was held fixed, is on
both sides of it.
"""

from typing import NamedTuple

from jax.extend.core import ClosedJaxpr, Var

from .flat import Flat, before_cut, flat, inputs_of, lines_of, part, size_of, variables
from .pieces import Piece


class Waist(NamedTuple):
    """A program in two pieces, and the few numbers between them.

    Attributes:
        head: The program's inputs to the values of the waist, and to those that are held.
        tail: These to the program's outputs.
        leaves: How many values the waist is of; the rest of what the head returns is held.
        size: How many numbers they are.
        lines: The user's lines that compute these values.
    """

    head: Piece
    tail: Piece
    leaves: int
    size: int
    lines: tuple[str, ...] = ()


def find_waist(program: ClosedJaxpr, moving: int, most: int) -> Waist | None:
    """Split a program at its narrowest place, if that is of at most so many numbers.

    Args:
        program: The program.
        moving: How many of its first inputs are differentiated; the rest is fixed.
        most: How many numbers the waist may have.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> program = jax.make_jaxpr(lambda x: jnp.sin(jnp.sum(x)) * jnp.ones(5))(jnp.ones(7))
        >>> find_waist(program, 1, 3).size
        1
    """
    whole = flat(program, moving)
    if whole is None:
        return None
    cut = _minimum_cut(whole, most)
    return _split(whole, cut) if cut else None


def _minimum_cut(whole: Flat, most: int) -> list[Var] | None:
    """Return the cut that is nearest to the inputs: from there on derivatives are pushed forward.

    Value `i` is an edge from node `2 i` to node `2 i + 1`; an equation is a node of its own.
    """
    active, jaxpr, endless = whole.active, whole.program.jaxpr, most + 1
    source, sink = 2 * len(active), 2 * len(active) + 1
    edges: list[tuple[int, int, float]] = [
        (2 * i, 2 * i + 1, size_of(v)) for v, i in active.items()
    ]
    edges += [(source, 2 * active[v], endless) for v in whole.inputs]
    edges += [(2 * active[v] + 1, sink, endless) for v in {*variables(jaxpr.outvars)} & {*active}]
    for node, eqn in enumerate(jaxpr.eqns, start=sink + 1):
        places = {active[v] for v in variables(eqn.invars) if v in active}
        edges += [(2 * i + 1, node, endless) for i in places]
        edges += [(node, 2 * active[v], endless) for v in eqn.outvars if places and v in active]
    reached = before_cut(edges, source, sink, most)
    if reached is None:
        return None
    return [v for v, i in active.items() if 2 * i in reached and 2 * i + 1 not in reached]


def _split(whole: Flat, cut: list[Var]) -> Waist:
    """Make the two pieces: what the outputs need beyond the cut, and what that needs."""
    jaxpr = whole.program.jaxpr
    given = {*cut, *jaxpr.constvars}
    _, needs = inputs_of(whole, jaxpr.outvars, lambda v: v in given or v not in whole.active)
    between = [*cut, *(v for v in needs if v not in given)]
    head, tail = part(whole, jaxpr.invars, between), part(whole, between, jaxpr.outvars)
    return Waist(head, tail, len(cut), int(sum(map(size_of, cut))), lines_of(whole, cut))
