"""Reading a jaxpr: the one place that knows how JAX's versions write a program down."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var
from jax.interpreters.partial_eval import dce_jaxpr

#: A jaxpr, with or without the values of its constants.
Program: TypeAlias = Jaxpr | ClosedJaxpr
#: What an equation takes: a variable, or a number that stands in the program itself.
Atom: TypeAlias = Var | Literal


def names(text: str) -> frozenset[str]:
    """Return the words of a text, such as the names of primitives."""
    return frozenset(text.split())


#: Equations that run one inner jaxpr exactly once.
CALLS = names(
    "call closed_call composite compute_on custom_jvp_call custom_vjp_call custom_vmap_call "
    "eval_jaxpr fused_call jit program_order remat2 shard_map xla_metadata_call"
)
#: Those of them that hold no rule of their own: what they call can stand in their place.
PLAIN_CALLS = names("call closed_call jit")
#: The parameters that hold that jaxpr; JAX's versions differ in it.
_BODIES = ("jaxpr", "call_jaxpr", "call")


def opened(program: Program) -> Jaxpr:
    """Return the jaxpr inside a closed one, and an open one as it is."""
    return program.jaxpr if isinstance(program, ClosedJaxpr) else program


def constants(program: Program) -> Sequence[object]:
    """Return the values of the constant variables of a closed jaxpr; an open one has none."""
    return program.consts if isinstance(program, ClosedJaxpr) else ()


def trace(fn: Callable[..., object], *inputs: object) -> ClosedJaxpr:
    """Return the program of `fn` at arrays or `ShapeDtypeStruct`s, without dead code.

    JAX keeps dead equations, such as the value that `jax.grad` computes and drops; a compiler does
    not, so neither do the figures that are read off the program.
    """
    closed = jax.make_jaxpr(fn)(*inputs)
    needed = [True] * len(closed.jaxpr.outvars)
    return ClosedJaxpr(dce_jaxpr(closed.jaxpr, needed, instantiate=True)[0], closed.consts)


def shape(operand: Atom) -> tuple[int, ...]:
    """Return the shape of an equation's operand or result."""
    return operand.aval.shape  # pyright: ignore[reportAttributeAccessIssue]


def dtype(operand: Atom) -> np.dtype:
    """Return the dtype of an operand or result, key types included; a token counts as bool."""
    return getattr(operand.aval, "dtype", np.dtype(bool))


def holds_floats(operand: Atom) -> bool:
    """Whether an operand or result is of a floating or complex type, and so has a derivative."""
    return jnp.issubdtype(dtype(operand), jnp.inexact)


def kind(eqn: JaxprEqn) -> str:
    """Return the name of an equation's operation, such as `"sin"`."""
    wrapped = eqn.params.get("_prim")  # newer versions wrap some operations into one primitive
    return eqn.primitive.name if wrapped is None else type(wrapped).__name__


def called(eqn: JaxprEqn) -> tuple[Program, Sequence[Atom]] | None:
    """Return the jaxpr that a call-like equation runs once, and what it is given; else `None`.

    Calls are jit, remat, the primal of a custom rule, a linear solve and the like.
    """
    name, operands = kind(eqn), eqn.invars
    if name == "custom_linear_solve":
        lengths = eqn.params["const_lengths"]
        start = lengths.matvec + lengths.vecmat
        consts = operands[start : start + lengths.solve]
        return eqn.params["jaxprs"].solve, [*consts, *operands[sum(lengths) :]]
    if name not in CALLS:
        return None
    body = next((eqn.params[name] for name in _BODIES if name in eqn.params), None)
    return None if body is None else (body, operands)


def bodies(eqn: JaxprEqn) -> list[Program]:
    """Return every jaxpr among the parameters of an equation."""
    values = [v if isinstance(v, tuple) else (v,) for v in eqn.params.values()]
    return [part for value in values for part in value if isinstance(part, Jaxpr | ClosedJaxpr)]


class ScanParts(NamedTuple):
    """How a scan's operands and results divide.

    Attributes:
        consts: How many operands every step sees whole.
        carries: How many operands (and leading results) are handed from step to step.
        xs: Of how many operands a step sees one slice.
        ys: How many results are stacked over the steps.
    """

    consts: int
    carries: int
    xs: int
    ys: int


def scan_parts(eqn: JaxprEqn) -> ScanParts:
    """Tell constants, carries and slices of a scan apart by their rank.

    JAX's versions disagree on the parameters that say it, and agree that a stacked value has one
    axis more outside the body than inside.
    """
    body = opened(eqn.params["jaxpr"])

    def stacked(outside: Sequence[Atom], inside: Sequence[Atom]) -> int:
        pairs = zip(outside, inside, strict=True)
        return sum(len(shape(o)) > len(shape(i)) for o, i in pairs)

    xs, ys = stacked(eqn.invars, body.invars), stacked(eqn.outvars, body.outvars)
    carries = len(eqn.outvars) - ys
    return ScanParts(len(eqn.invars) - carries - xs, carries, xs, ys)


def devices(eqn: JaxprEqn) -> int:
    """Return how many devices run the body of a `shard_map`."""
    axes = eqn.params.get("newly_manual_axes") or eqn.params["manual_axes"]
    return math.prod(eqn.params["mesh"].shape[axis] for axis in axes)
