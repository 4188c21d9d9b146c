"""The one walk through a program; whatever reads a program reads it by this.

`interpret` runs a program's equations in order on values of any kind: marks, arrays of node
numbers, tracers, steps of a graph. What a value is, and what an equation makes of values, its
caller says. A jaxpr that is called twice has the same variables in both calls; each call is walked
with values of its own.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, TypeVar

from jax.extend.core import JaxprEqn, Literal, Var

from .jaxpr import PLAIN_CALLS, Atom, Program, bodies, called, constants, kind, opened
from .source import line_of

Value = TypeVar("Value")
#: `visit(eqn, values of its operands, the user's line)` returns the values of its results.
Visit = Callable[[JaxprEqn, list[Value], str], Sequence[Value]]
#: `lift(content, atom)` makes a value of what a constant or a literal holds.
Lift = Callable[[object, Atom], Value]
#: `entered(eqn)` returns the jaxpr that an equation calls and what it is given, or `None`.
Entered = Callable[[JaxprEqn], tuple[Program, Sequence[Atom]] | None]


def interpret(
    program: Program,
    inputs: Sequence[Value],
    visit: Visit[Value],
    *,
    lift: Lift[Value],
    caller: str = "",
    entered: Entered = called,
) -> list[Value]:
    """Run a program on values, and return those of its results.

    An equation that calls another program once (`jit`, remat, a custom rule's primal) is not
    visited: its program is walked in its place. Loops and branches are visited, and their bodies
    are for `visit` to walk, since only it knows what a loop makes of its values.

    Args:
        program: A jaxpr, open or closed.
        inputs: The values of its inputs.
        visit: Makes the values of an equation's results out of those of its operands.
        lift: Makes a value of a constant or of a literal.
        caller: The user's line that called the program, for equations that know none.
        entered: Which calls are walked into; all of them by default.
    """
    jaxpr = opened(program)
    values = constants(program) or [None] * len(jaxpr.constvars)  # an open jaxpr has no values
    known = {v: lift(content, v) for v, content in zip(jaxpr.constvars, values, strict=True)}
    known |= dict(zip(jaxpr.invars, inputs, strict=True))
    run_equations(jaxpr.eqns, known, visit, lift=lift, caller=caller, entered=entered)
    return read(jaxpr.outvars, known, lift)


def run_equations(
    eqns: Sequence[JaxprEqn],
    known: dict[Var, Value],
    visit: Visit[Value],
    *,
    lift: Lift[Value],
    caller: str = "",
    entered: Entered = called,
) -> None:
    """Run equations in order, and add the values of their results to those that are `known`.

    The arguments are those of `interpret`.
    """
    for eqn in eqns:
        line, call = line_of(eqn, caller), entered(eqn)
        if call is None:
            results = visit(eqn, read(eqn.invars, known, lift), line)
        else:
            inner, operands = call
            values = read(operands, known, lift)
            results = interpret(inner, values, visit, lift=lift, caller=line, entered=entered)
        known |= dict(zip(eqn.outvars, results, strict=True))


def read(atoms: Sequence[Atom], known: dict[Var, Value], lift: Lift[Value]) -> list[Value]:
    """Return the values of variables and literals."""
    return [lift(a.val, a) if isinstance(a, Literal) else known[a] for a in atoms]


def equations(program: Program, caller: str = "") -> Iterator[tuple[JaxprEqn, str]]:
    """Yield every equation and its line; those of inner programs follow the one that holds them."""
    pairs: list[tuple[JaxprEqn, str]] = []

    def visit(eqn: JaxprEqn, operands: list[None], line: str) -> list[None]:
        pairs.append((eqn, line))
        for body in bodies(eqn):
            inputs = [None] * len(opened(body).invars)
            interpret(body, inputs, visit, lift=nothing, caller=line, entered=no_call)
        return [None] * len(eqn.outvars)

    inputs = [None] * len(opened(program).invars)
    interpret(program, inputs, visit, lift=nothing, caller=caller, entered=no_call)
    yield from pairs


def endless_loops(program: Program) -> int:
    """Return how many loops of a program have no length that is known before they run."""
    return sum(kind(eqn) == "while" for eqn, _ in equations(program))


def itself(content: object, atom: Atom) -> Any:
    """Lift a constant as it is: what `interpret` takes as `lift` where values are arrays."""
    del atom
    return content


def nothing(content: object, atom: Atom) -> None:
    """Lift no constant: what `interpret` takes as `lift` where they are of no interest."""
    del content, atom


def by_content(make: Callable[[Any], Value]) -> Lift[Value]:
    """Lift constants by what they hold alone, whatever variable or literal holds it."""
    return lambda content, atom: make(content)


def no_call(_: JaxprEqn) -> None:
    """Enter no call: what `interpret` takes as `entered` where all equations are visited."""


def calls_but(kinds: Collection[str]) -> Entered:
    """Enter all calls but those of these kinds."""
    return lambda eqn: None if kind(eqn) in kinds else called(eqn)


def plain_call(eqn: JaxprEqn) -> tuple[Program, Sequence[Atom]] | None:
    """Enter the calls that hold no rule of their own, so that they can be written out."""
    return called(eqn) if kind(eqn) in PLAIN_CALLS else None


def inside(eqn: JaxprEqn, operands: Sequence[Value]) -> tuple[Program, list[Value]] | None:
    """Return the program that a call runs once, and what it is given; else `None`.

    Args:
        eqn: An equation.
        operands: The values of its operands.
    """
    call = called(eqn)
    return None if call is None else (call[0], picked(call[1], eqn, operands))


def picked(atoms: Sequence[Atom], eqn: JaxprEqn, operands: Sequence[Value]) -> list[Value]:
    """Return the values of some of an equation's operands.

    Args:
        atoms: Which of them.
        eqn: The equation.
        operands: The values of all of them.
    """
    values = dict(zip(map(id, eqn.invars), operands, strict=True))
    return [values[id(atom)] for atom in atoms]


def again(eqn: JaxprEqn, operands: Sequence, line: str) -> list:
    """Do one equation again: what `interpret` takes as `visit` where a program is run anew."""
    del line
    return bind(eqn, operands)


def bind(eqn: JaxprEqn, operands: Sequence, **changed: object) -> list:
    """Do one equation again on arrays or tracers, with some of its parameters changed."""
    params = eqn.primitive.get_bind_params(eqn.params) | changed
    with eqn.ctx.manager:
        results = eqn.primitive.bind(*operands, **params)
    return list(results) if eqn.primitive.multiple_results else [results]
