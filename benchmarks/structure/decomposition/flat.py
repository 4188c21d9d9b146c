"""A program as one list of equations: where derivatives pass, where to cut it, and its parts."""

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal, Var
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from ...program.jaxpr import Atom, constants, dtype, holds_floats, kind, names, shape, trace
from ...program.walk import bind, interpret, itself, plain_call, read
from .pieces import Piece, piece_of, struct_of

#: Programs of more equations than this are not looked at: building the graph is Python.
_MOST_EQUATIONS = 4_000
#: What scopes that stand for lines are called.
_LINE = "gradwise-line-"
#: What no derivative passes through.
_FLAT = names("stop_gradient floor ceil round sign")


class Flat(NamedTuple):
    """A program whose calls are opened.

    Attributes:
        program: The program.
        inputs: Its inputs that are differentiated; the rest is fixed.
        active: The values that a derivative may pass through, numbered in their order.
        lines: The user's line of each equation.
    """

    program: ClosedJaxpr
    inputs: list[Var]
    active: dict[Var, int]
    lines: list[str]


def flat(program: ClosedJaxpr, moving: int) -> Flat | None:
    """Open a program's calls, but not those that a rule is bound to; loops stay whole.

    It is `None` for a program that prints or calls out, since its parts would do so anew, and for
    one that is too long.

    Args:
        program: The program.
        moving: How many of its first inputs are differentiated.
    """
    lines: dict[str, int] = {}

    def again(eqn: JaxprEqn, operands: list[Any], line: str) -> list[Any]:
        # An equation that is done anew knows gradwise's line alone; a scope of names stays with it.
        with jax.named_scope(f"{_LINE}{lines.setdefault(line, len(lines))}"):
            return bind(eqn, operands)

    def run(*inputs: Any) -> list[Any]:
        return interpret(program, list(inputs), again, lift=itself, entered=plain_call)

    opened = trace(run, *map(struct_of, program.in_avals))
    if opened.jaxpr.effects or len(opened.jaxpr.eqns) > _MOST_EQUATIONS:
        return None
    inputs = list(opened.jaxpr.invars[:moving])
    active = {v: place for place, v in enumerate(inputs)}
    for eqn in opened.jaxpr.eqns:
        if kind(eqn) not in _FLAT and any(v in active for v in variables(eqn.invars)):
            for v in eqn.outvars:
                if holds_floats(v):
                    active.setdefault(v, len(active))
    return Flat(opened, inputs, active, [_line_of(eqn, list(lines)) for eqn in opened.jaxpr.eqns])


def _line_of(eqn: JaxprEqn, lines: Sequence[str]) -> str:
    """Return the line whose number the scope of an equation ends with."""
    _, _, number = str(eqn.source_info.name_stack).rpartition(_LINE)
    return lines[int(number)] if number.isdigit() else ""


def variables(atoms: Sequence[Atom]) -> list[Var]:
    """Return those that are no literals."""
    return [a for a in atoms if not isinstance(a, Literal)]


def size_of(v: Var) -> float:
    """Return how many numbers a value holds; a complex one counts as endless, and is not cut."""
    return math.inf if jnp.issubdtype(dtype(v), jnp.complexfloating) else math.prod(shape(v))


def before_cut(
    edges: Sequence[tuple[int, int, float]], source: int, sink: int, most: int
) -> set[int] | None:
    """Return the nodes on the source's side of a minimum cut, of those that nearest to it.

    It is `None` if the cut holds more than `most`, or if nothing reaches the sink. By a maximum
    flow: what is still reached when it flows is before the cut (Ford and Fulkerson, 1956).

    Args:
        edges: Each one's start, end and size.
        source: Where it starts.
        sink: Where it ends.
        most: What the cut may hold; an edge of more than that is not cut.

    Example:
        >>> before_cut([(0, 1, 5), (1, 2, 2), (2, 3, 5)], 0, 3, 4)
        {0, 1}
    """
    starts, ends, sizes = zip(*edges, strict=True)
    held = np.minimum(np.asarray(sizes), most + 1).astype(np.int32)
    nodes = max(*starts, *ends, source, sink) + 1
    graph = csr_array((held, (np.asarray(starts), np.asarray(ends))), shape=(nodes, nodes))
    flow = maximum_flow(graph, source, sink)
    if not 0 < flow.flow_value <= most:
        return None
    left = csr_array(graph - flow.flow)
    left.data = (left.data > 0).astype(np.int32)
    left.eliminate_zeros()
    return set(breadth_first_order(left, source, return_predecessors=False).tolist())


def inputs_of(
    whole: Flat, wanted: Sequence[Atom], is_given: Callable[[Var], bool]
) -> tuple[list[JaxprEqn], list[Var]]:
    """Return the equations that some values need, in order, and what of the given these need."""
    missing = dict.fromkeys(variables(wanted))
    chosen: list[JaxprEqn] = []
    for eqn in reversed(whole.program.jaxpr.eqns):
        if any(v in missing and not is_given(v) for v in eqn.outvars):
            chosen.append(eqn)
            missing |= dict.fromkeys(variables(eqn.invars))
    return chosen[::-1], [v for v in missing if is_given(v)]


def part(whole: Flat, takes: Sequence[Var], gives: Sequence[Atom]) -> Piece:
    """Return the part of a program from some values to others.

    A value that stands twice among those it takes is what it is given last.
    """
    values = dict(zip(whole.program.jaxpr.constvars, constants(whole.program), strict=True))
    given = {*takes, *values}
    eqns, _ = inputs_of(whole, gives, lambda v: v in given)

    def run(*inputs: Any) -> list[Any]:
        known: dict[Var, Any] = values | dict(zip(takes, inputs, strict=True))
        for eqn in eqns:
            results = bind(eqn, read(eqn.invars, known, itself))
            for v, result in zip(eqn.outvars, results, strict=True):
                known.setdefault(v, result)  # what it was given stays so
        return read(gives, known, itself)

    return piece_of(run, [struct_of(v.aval) for v in takes])


def lines_of(whole: Flat, values: Collection[Var]) -> tuple[str, ...]:
    """Return the user's lines that compute some values of a program.

    Example:
        >>> program = jax.make_jaxpr(lambda x: jnp.sum(x))(jnp.ones(3))
        >>> whole = flat(program, 1)
        >>> lines_of(whole, whole.program.jaxpr.outvars)[0].endswith(">:1 (<lambda>)")
        True
    """
    made = zip(whole.program.jaxpr.eqns, whole.lines, strict=True)
    lines = [line for eqn, line in made if any(v in eqn.outvars for v in values)]
    return tuple(dict.fromkeys(filter(None, lines)))
