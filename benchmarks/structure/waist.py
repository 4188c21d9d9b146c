"""The fewest numbers through which a program's outputs depend on its inputs.

They are a minimum vertex cut of the computational graph, found by a maximum flow (Ford and
Fulkerson, 1956) whose capacities are the sizes of the values. A value that no derivative passes
through, such as an index or what was held fixed, is on both sides of it.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal, Var
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from ..program.jaxpr import Atom, Program, called, constants, dtype, kind, names, shape, trace
from ..program.walk import bind, interpret, no_call, read, run_equations
from .pieces import Piece, piece_of, struct_of

#: Programs of more equations than this are not looked at: building the graph is Python.
_MOST_EQUATIONS = 20_000
#: What no derivative passes through.
_FLAT = names("stop_gradient floor ceil round sign")


class Waist(NamedTuple):
    """A program in two pieces, and the few numbers between them.

    Attributes:
        head: The program's inputs to the values of the waist, and to those that are held.
        tail: These to the program's outputs.
        leaves: How many values the waist is of; the rest of what the head returns is held.
        size: How many numbers they are.
    """

    head: Piece
    tail: Piece
    leaves: int
    size: int


def find_waist(program: ClosedJaxpr, moving: int, most: int) -> Waist | None:
    """Split a program at its narrowest place, if that is of at most so many numbers.

    Args:
        program: The program.
        moving: How many of its first inputs are differentiated; the rest is fixed.
        most: How many numbers the waist may have.

    Example:
        >>> import jax
        >>> program = jax.make_jaxpr(lambda x: jnp.sin(jnp.sum(x)) * x.shape[0] * jnp.ones(5))(
        ...     jnp.ones(7)
        ... )
        >>> find_waist(program, 1, 3).size
        1
    """
    flat = _flat(program)
    if flat.jaxpr.effects or len(flat.jaxpr.eqns) > _MOST_EQUATIONS:
        return None
    active = _active(flat, moving)
    cut = _minimum_cut(flat, active, moving, most)
    return None if cut is None else _split(flat, active, cut)


def _flat(program: ClosedJaxpr) -> ClosedJaxpr:
    """Open all calls but those that a rule or a way to be computed is bound to."""

    def run(*inputs: Any) -> list[Any]:
        return interpret(program, list(inputs), _again, lift=_itself, entered=_plain_call)

    return trace(run, *map(struct_of, program.in_avals))


def _plain_call(eqn: JaxprEqn) -> tuple[Program, Sequence[Atom]] | None:
    return called(eqn) if kind(eqn) in ("jit", "closed_call") else None


def _again(eqn: JaxprEqn, operands: list[Any], line: str) -> list[Any]:
    del line
    return bind(eqn, operands)


def _itself(value: Any) -> Any:
    return value


def _active(flat: ClosedJaxpr, moving: int) -> dict[Var, int]:
    """Number the values that a derivative may pass through."""
    jaxpr = flat.jaxpr
    active = {v: place for place, v in enumerate(jaxpr.invars[:moving])}
    for eqn in jaxpr.eqns:
        if kind(eqn) not in _FLAT and any(v in active for v in _variables(eqn.invars)):
            for v in eqn.outvars:
                if jnp.issubdtype(dtype(v), jnp.inexact):
                    active.setdefault(v, len(active))
    return active


def _variables(atoms: Sequence[Atom]) -> list[Var]:
    return [a for a in atoms if not isinstance(a, Literal)]


def _minimum_cut(
    flat: ClosedJaxpr, active: dict[Var, int], moving: int, most: int
) -> list[Var] | None:
    """Return the cut that is nearest to the inputs: from there on derivatives are pushed forward.

    Value `i` is an edge from node `2 i` to node `2 i + 1`; an equation is a node of its own.
    """
    jaxpr, endless, count = flat.jaxpr, most + 1, len(active)
    source, sink = 2 * count, 2 * count + 1
    edges: list[tuple[int, int, int]] = []
    for v, place in active.items():
        whole = jnp.issubdtype(dtype(v), jnp.complexfloating)
        size = endless if whole else min(math.prod(shape(v)), endless)
        edges.append((2 * place, 2 * place + 1, size))
    edges += [(source, 2 * active[v], endless) for v in jaxpr.invars[:moving]]
    ends = {v for v in _variables(jaxpr.outvars) if v in active}
    edges += [(2 * active[v] + 1, sink, endless) for v in ends]
    for node, eqn in enumerate(jaxpr.eqns, start=sink + 1):
        inner = {active[v] for v in _variables(eqn.invars) if v in active}
        edges += [(2 * place + 1, node, endless) for place in inner]
        edges += [(node, 2 * active[v], endless) for v in eqn.outvars if inner and v in active]
    nodes = sink + 1 + len(jaxpr.eqns)
    start, end, size = np.asarray(edges).T
    graph = csr_array((size.astype(np.int32), (start, end)), shape=(nodes, nodes))
    # All edges that must not be cut hold more than a waist may; beyond that nothing is asked.
    flow = maximum_flow(graph, source, sink)
    if not 0 < flow.flow_value <= most:
        return None
    residual = csr_array(graph - flow.flow)
    residual.data = (residual.data > 0).astype(np.int32)
    residual.eliminate_zeros()
    reached = set(breadth_first_order(residual, source, return_predecessors=False).tolist())
    return [v for v, i in active.items() if 2 * i in reached and 2 * i + 1 not in reached]


def _split(flat: ClosedJaxpr, active: dict[Var, int], cut: list[Var]) -> Waist:
    """Make the two pieces: what the outputs need beyond the cut, and what that needs."""
    jaxpr = flat.jaxpr
    values = dict(zip(jaxpr.constvars, constants(flat), strict=True))
    given = set(cut) | values.keys()
    outer, held = _needed(jaxpr.eqns, jaxpr.outvars, lambda v: v in given or v not in active)
    held = [v for v in held if v not in given]
    inner, _ = _needed(jaxpr.eqns, [*cut, *held], lambda v: v in values)

    def part(eqns: list[JaxprEqn], takes: list[Var], gives: Sequence[Atom]) -> Piece:
        def run(*inputs: Any) -> list[Any]:
            known: dict[Var, Any] = values | dict(zip(takes, inputs, strict=True))
            run_equations(eqns, known, _again, lift=_itself, entered=no_call)
            return read(gives, known, _itself)

        return piece_of(run, [struct_of(v.aval) for v in takes])

    head = part(inner, list(jaxpr.invars), [*cut, *held])
    tail = part(outer, [*cut, *held], jaxpr.outvars)
    return Waist(head, tail, len(cut), sum(math.prod(shape(v)) for v in cut))


def _needed(
    eqns: Sequence[JaxprEqn], wanted: Sequence[Atom], is_given: Callable[[Var], bool]
) -> tuple[list[JaxprEqn], list[Var]]:
    """Return the equations that some values need, in order, and what these need to be given."""
    missing = dict.fromkeys(_variables(wanted))
    chosen: list[JaxprEqn] = []
    for eqn in reversed(eqns):
        if any(v in missing and not is_given(v) for v in eqn.outvars):
            chosen.append(eqn)
            missing |= dict.fromkeys(_variables(eqn.invars))
    return chosen[::-1], [v for v in missing if is_given(v)]
