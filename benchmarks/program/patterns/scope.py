"""A program as scopes of steps: plain calls written out, loops and branches as scopes inside.

The other readers of a program follow one kind of mark from its inputs to its results. A pattern
asks more: who makes a value, who reads it, in which loop, and whether two values are the same. So
the program is read once, by the walk as by all others, into steps that know all of this, and every
pattern looks at them.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import jax.numpy as jnp
from jax.extend.core import JaxprEqn

from ..jaxpr import Atom, Program, dtype, kind, names, shape
from ..primitives import cost_of

#: Scopes whose derivative is given by a rule, and not by what is inside.
RULED = names("custom_jvp_call custom_vjp_call custom_linear_solve")
LOOPS = names("scan while")


class Value:
    """What a variable of the program holds, or a number that stands in it.

    Attributes:
        shape: Its shape.
        dtype: Its dtype.
        maker: The step that makes it; `None` for an input, a constant, and what a loop hands on.
        constant: Its value where that is known, else `None`.
        outer: The value outside of a scope that it is, unchanged.
        inner: The values inside of scopes that are this one.
        readers: The steps that read it, those that hand it unchanged to a scope aside.
        returned: Whether its scope returns it.
        number: Equal for two values that the same operations make of the same values.
        active: Whether it depends on what is differentiated, as far as derivatives go.
    """

    def __init__(
        self,
        atom: Atom,
        number: int,
        *,
        maker: "Step | None" = None,
        outer: "Value | None" = None,
        constant: Any = None,
        active: bool = False,
    ) -> None:
        self.shape, self.dtype = shape(atom), dtype(atom)
        self.maker, self.outer, self.constant = maker, outer, constant
        self.number, self.active = number, active
        self.inner: list[Value] = []
        self.readers: list[Step] = []
        self.returned = False

    @property
    def bytes(self) -> int:
        """Its size."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def floats(self) -> bool:
        """Whether it holds floats, or complex numbers."""
        return jnp.issubdtype(self.dtype, jnp.inexact)


class Step:
    """One operation of a scope, and the scopes that it holds."""

    def __init__(
        self, eqn: JaxprEqn, line: str, scope: "Scope", inputs: list[Value], calls: tuple[str, ...]
    ) -> None:
        self.eqn, self.name, self.line = eqn, kind(eqn), line
        self.scope, self.inputs, self.calls = scope, inputs, calls
        self.outputs: list[Value] = []
        self.bodies: list[Scope] = []

    @property
    def under(self) -> str:
        """The transformations of JAX and the named scopes that it was traced under."""
        return str(self.eqn.source_info.name_stack)


class Call:
    """A plain call that was written out: its name, what it was given, and what it returned."""

    def __init__(
        self, name: str, line: str, inputs: Sequence[Value], outputs: Sequence[Value]
    ) -> None:
        self.name, self.line = name, line
        self.inputs, self.outputs = list(inputs), list(outputs)


class Scope:
    """Steps that run together: a whole program, the body of a loop, a branch.

    Attributes:
        kind: `"program"`, or the operation that holds it; `"condition"` for that of a `while`.
        program: The jaxpr that it was read from.
        holder: The step that holds it; `None` for the whole program.
        turns: How many times one run of the holder runs it; `None` where that is unknown.
    """

    def __init__(
        self,
        kind: str,
        program: Program,
        inputs: list[Value],
        holder: Step | None,
        turns: int | None,
    ) -> None:
        self.kind, self.program, self.inputs = kind, program, inputs
        self.holder, self.turns = holder, turns
        self.steps: list[Step] = []
        self.calls: list[Call] = []
        self.outputs: list[Value] = []

    def every(self) -> Iterator["Scope"]:
        """Yield this scope and all that are inside of it."""
        yield self
        for step in self.steps:
            for body in step.bodies:
                yield from body.every()

    def above(self) -> Iterator["Scope"]:
        """Yield this scope and those that hold it, outwards."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.holder.scope if scope.holder else None

    @property
    def ruled(self) -> bool:
        """Whether a custom rule says what the derivative of this scope is."""
        return any(scope.kind in RULED for scope in self.above())

    @property
    def loop(self) -> "Scope | None":
        """The innermost body of a loop that this scope is in."""
        return next((scope for scope in self.above() if scope.kind in LOOPS), None)


def root(value: Value) -> Value:
    """Return the value in the outermost scope that a value is."""
    while value.outer is not None:
        value = value.outer
    return value


def all_readers(value: Value) -> list[Step]:
    """Return the steps that read a value, in its own scope and in those that it is handed to."""
    return [*value.readers, *(step for inner in value.inner for step in all_readers(inner))]


def operations(scope: Scope) -> int:
    """Count the operations of one run of a scope; a loop of unknown length counts as one turn."""
    total = 0
    for step in scope.steps:
        if not step.bodies:
            cost = cost_of(step.eqn)
            total += cost.operations if cost else 0
        elif step.name == "cond":
            total += max(map(operations, step.bodies))
        else:
            total += sum((body.turns or 1) * operations(body) for body in step.bodies)
    return total


def moved_bytes(scope: Scope) -> int:
    """Count the bytes that one run of a scope's own steps writes."""
    return sum(value.bytes for step in scope.steps for value in step.outputs)
