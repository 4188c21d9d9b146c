"""Reading a jaxpr: the one place that knows how JAX's versions write calls and loops down."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend import source_info_util
from jax.extend.core import Jaxpr, JaxprEqn
from jax.interpreters.partial_eval import dce_jaxpr

from .source import is_users, shown

_SUMMARY = re.compile(r"(?P<path>.+?):(?P<line>\d+)(:\d+)? \((?P<function>.*)\)$")


def names(text: str) -> frozenset[str]:
    """A set of primitives' names, written as words."""
    return frozenset(text.split())


# Equations that run one inner jaxpr exactly once; JAX's versions name its parameter differently.
_CALLS = names(
    "call closed_call composite custom_jvp_call custom_vjp_call custom_vmap_call eval_jaxpr jit "
    "remat2 shard_map"
)
_BODIES = ("jaxpr", "call_jaxpr", "call")


def opened(jaxpr: Any) -> Jaxpr:
    """The jaxpr inside a closed one; an open one as it is."""
    return getattr(jaxpr, "jaxpr", jaxpr)


def chosen_arguments(argnums: int | Sequence[int] | None, count: int) -> list[int]:
    """The places that `argnums` names among `count` arguments; `None` names them all.

    Raises:
        ValueError: If one is out of range.
    """
    wanted = range(count) if argnums is None else argnums
    wanted = [wanted] if isinstance(wanted, int) else list(wanted)
    for argnum in wanted:
        if not -count <= argnum < count:
            raise ValueError(f"argnums must be within -{count} and {count - 1}, got {argnum}")
    return [argnum % count for argnum in wanted]


def constants(jaxpr: Any) -> Sequence[Any]:
    """The values of a closed jaxpr's constant variables."""
    return getattr(jaxpr, "consts", ())


def trace(fn: Callable[..., Any], *inputs: Any) -> tuple[Jaxpr, Sequence[Any]]:
    """The jaxpr of `fn` at arrays or `ShapeDtypeStruct`s, and its constants.

    What no output needs is left out. JAX keeps dead equations, such as the value that `jax.grad`
    computes and drops; a compiler does not, so neither do the figures that are read off here.
    """
    closed = jax.make_jaxpr(fn)(*inputs)
    program = opened(closed)
    needed = [True] * len(program.outvars)
    return dce_jaxpr(program, needed, instantiate=True)[0], constants(closed)


def shape(operand: Any) -> tuple[int, ...]:
    """The shape of an equation's operand or result."""
    return operand.aval.shape


def dtype(operand: Any) -> Any:
    """The dtype of an equation's operand or result, key types included; a token counts as bool."""
    return getattr(operand.aval, "dtype", np.dtype(bool))


def kind(eqn: JaxprEqn) -> str:
    """The name of an equation's operation, such as `"sin"`."""
    wrapped = eqn.params.get("_prim")  # newer JAX wraps some operations into one primitive
    return eqn.primitive.name if wrapped is None else type(wrapped).__name__


def called(eqn: JaxprEqn) -> tuple[Any, Sequence[Any]] | None:
    """The jaxpr that a call-like equation runs once, and what it is given; else `None`.

    Calls are jit, remat, the primal of a custom rule, a linear solve and the like.
    """
    name, operands = kind(eqn), eqn.invars
    if name == "custom_linear_solve":
        lengths = eqn.params["const_lengths"]
        start = lengths.matvec + lengths.vecmat
        consts = operands[start : start + lengths.solve]
        return eqn.params["jaxprs"].solve, [*consts, *operands[sum(lengths) :]]
    if name not in _CALLS:
        return None
    return next(eqn.params[body] for body in _BODIES if body in eqn.params), operands


def equations(jaxpr: Any, caller: str = "") -> Iterator[tuple[JaxprEqn, str]]:
    """Every equation and its line, those of inner jaxprs after the one that holds them."""
    for eqn in opened(jaxpr).eqns:
        line = source(eqn, caller)
        yield eqn, line
        for value in eqn.params.values():
            for inner in value if isinstance(value, tuple) else (value,):
                if hasattr(inner, "eqns"):
                    yield from equations(inner, line)


class ScanParts(NamedTuple):
    """How a scan's operands and results divide.

    Attributes:
        consts: Operands every step sees whole.
        carries: Operands (and leading results) handed from step to step.
        xs: Operands of which a step sees one slice.
        ys: Results stacked over the steps.
    """

    consts: int
    carries: int
    xs: int
    ys: int


def scan_parts(eqn: JaxprEqn) -> ScanParts:
    """Tells constants, carries and slices of a scan apart by rank.

    JAX's versions disagree on the parameters that say it, and agree that a stacked value has one
    axis more outside the body than inside.
    """
    body = opened(eqn.params["jaxpr"])

    def stacked(outside: Any, inside: Any) -> int:
        return sum(o.aval.ndim > i.aval.ndim for o, i in zip(outside, inside, strict=True))

    xs, ys = stacked(eqn.invars, body.invars), stacked(eqn.outvars, body.outvars)
    carries = len(eqn.outvars) - ys
    return ScanParts(len(eqn.invars) - carries - xs, carries, xs, ys)


def devices(eqn: JaxprEqn) -> int:
    """How many devices run the body of a `shard_map`."""
    axes = eqn.params.get("newly_manual_axes") or eqn.params["manual_axes"]
    return math.prod(eqn.params["mesh"].shape[axis] for axis in axes)


def source(eqn: JaxprEqn, caller: str = "") -> str:
    """The innermost line of the user's that asked for an equation: `file.py:12 (function)`.

    The equations of a library function know no such line; theirs is that of their caller.
    """
    found = _SUMMARY.match(source_info_util.summarize(eqn.source_info))
    return shown(**found.groupdict()) if found and is_users(found["path"]) else caller
