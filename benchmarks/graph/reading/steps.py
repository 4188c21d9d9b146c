"""A program as a flat list of operations: calls opened in place, loops and branches with bodies.

It is read by the one walk. What a step is, the patterns of `program/patterns` have in a form of
their own: there a checkpoint or a custom rule is a scope, and a value knows who reads it and which
others are equal to it. A graph needs neither, and opens what the patterns must not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn, Literal

from ...program.custom_rules import RULES
from ...program.flops import live_branches
from ...program.jaxpr import Atom, Program, dtype, kind, names, opened, shape
from ...program.walk import inside, interpret, no_call
from .origins import Origin, origin_of

#: Equations that return what they are given, and that no reader wants to see.
_SAME = names("CheckpointName CheckpointNameFwd name copy optimization_barrier")
#: Calls that stay one operation: their derivative is not that of what they call, or they call it on
#: several devices.
_CLOSED = (*RULES, "custom_linear_solve", "shard_map")


@dataclass(frozen=True, eq=False)
class Value:
    """An array of the program; two of them are never equal, whatever JAX makes of their names."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def holds_numbers(self) -> bool:
        """Whether it is no key of JAX."""
        return not jnp.issubdtype(self.dtype, jax.dtypes.extended)

    @property
    def holds_floats(self) -> bool:
        """Whether it has a derivative, being of a floating or complex type."""
        return jnp.issubdtype(self.dtype, jnp.inexact)

    @classmethod
    def like(cls, atom: Atom) -> Value:
        """Return a new value of an atom's type."""
        return cls(shape(atom), dtype(atom))


@dataclass(frozen=True, eq=False)
class Step:
    """An operation.

    Attributes:
        eqn: What JAX does.
        operands: What it takes.
        results: What it makes.
        line: The user's line.
        origin: Its named scopes and the calls that it was made in.
        bodies: The body of a loop; the sides of a branch.
    """

    eqn: JaxprEqn
    operands: tuple[Value | Literal, ...]
    results: tuple[Value, ...]
    line: str
    origin: Origin
    bodies: tuple[Block, ...] = ()

    @property
    def kind(self) -> str:
        """The operation's name."""
        return kind(self.eqn)


@dataclass(frozen=True, eq=False)
class Block:
    """A flat program, or the body of a loop or branch.

    Attributes:
        inputs: What it is given.
        steps: Its operations in order.
        outputs: What it returns.
        constants: The arrays that are a part of the program.
        same: Equations that return what they are given, and that.
    """

    inputs: tuple[Value, ...]
    steps: list[Step] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    constants: dict[Value, object] = field(default_factory=dict)
    same: list[tuple[JaxprEqn, Value | Literal]] = field(default_factory=list)


def flattened(program: Program, caller: str = "") -> Block:
    """Return a program as a flat list of operations.

    Args:
        program: A jaxpr, open or closed.
        caller: The user's line that called the program, for equations that know none.

    Example:
        >>> import jax.numpy as jnp
        >>> program = jax.make_jaxpr(lambda x: jax.jit(jnp.sin)(x) * 2)(1.0)
        >>> [step.kind for step in flattened(program).steps]
        ['sin', 'mul']
    """
    block = Block(tuple(Value.like(v) for v in opened(program).invars))
    for output in _append(block, program, block.inputs, caller, Origin()):
        if isinstance(output, Literal):
            value = Value.like(output)
            block.constants[value] = output.val
            output = value
        block.outputs.append(output)
    return block


def _append(
    block: Block,
    program: Program,
    inputs: Sequence[Value | Literal],
    caller: str,
    outside: Origin,
) -> list[Value | Literal]:
    """Add the operations of a program to a block, and return the program's results."""

    def visit(
        eqn: JaxprEqn, operands: list[Value | Literal], line: str
    ) -> Sequence[Value | Literal]:
        if kind(eqn) in _SAME:
            block.same.extend((eqn, value) for value in operands)
            return operands
        origin, call = origin_of(eqn, outside), _opened_call(eqn, operands)
        if call is not None:
            return _append(block, *call, line, origin)
        results = tuple(Value.like(v) for v in eqn.outvars)
        bodies = tuple(flattened(body, line) for body in _bodies(eqn))
        block.steps.append(Step(eqn, tuple(operands), results, line, origin, bodies))
        return results

    def lift(content: object, atom: Atom) -> Value | Literal:
        if isinstance(atom, Literal) and not jnp.issubdtype(dtype(atom), jnp.complexfloating):
            return atom
        value = Value.like(atom)
        block.constants[value] = content
        return value

    return interpret(program, inputs, visit, lift=lift, caller=caller, entered=no_call)


def _opened_call(
    eqn: JaxprEqn, operands: list[Value | Literal]
) -> tuple[Program, list[Value | Literal]] | None:
    """Return the program that is opened in the place of an equation, and what it is given."""
    if kind(eqn) == "cond":
        live = live_branches(eqn)
        return (live[0], operands[1:]) if len(live) == 1 else None
    return None if kind(eqn) in _CLOSED else inside(eqn, operands)


def _bodies(eqn: JaxprEqn) -> Sequence[Program]:
    """Return the programs that are drawn inside of a loop or a branch."""
    match kind(eqn):
        case "scan":
            return [eqn.params["jaxpr"]]
        case "while":
            return [eqn.params["body_jaxpr"]]
        case "cond":
            return eqn.params["branches"]
        case _:
            return []
