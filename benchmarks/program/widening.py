"""A program in float64: the very program that was traced, its floats widened, its bits kept.

Tracing a function again with float64 inputs may give another function, or none: random draws are
others, a carry changes its type, a cast inside stays narrow. Here the equations stay what they are.
Random bits, integers and comparisons are kept bit for bit, and so is what turns bits into a float;
from there on every floating number is float64 and every complex one complex128. An operation that
JAX cannot do in float64, or that nobody knows here (a callback, a kernel), is done in its own type,
and its result cast.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn

from .custom_rules import wide_custom_jvp, wide_custom_vjp
from .jaxpr import Atom, Program, called, dtype, kind, scan_parts
from .primitives import PRIMITIVES
from .walk import bind, interpret

#: `stripped(eqn, line)`: whether a custom rule, or a `stop_gradient`, is to be left out.
Stripped = Callable[[JaxprEqn, str], bool]
_Values = Sequence[Any]
_Visit = Callable[[JaxprEqn, list[Any], str], Sequence[Any]]

#: They say what to print, or where data lie, and compute nothing.
SILENT = ("debug_callback", "debug_print")
_SAME = ("CheckpointName", "device_put", "reduce_precision")
_WITH_RULES = ("custom_jvp_call", "custom_vjp_call", "custom_linear_solve", "shard_map")
_SCATTERS: dict[str, Callable[..., Any]] = {
    "scatter": jax.lax.scatter,
    "scatter-add": jax.lax.scatter_add,
    "scatter-max": jax.lax.scatter_max,
    "scatter-min": jax.lax.scatter_min,
    "scatter-mul": jax.lax.scatter_mul,
    "scatter-sub": jax.lax.scatter_sub,
}


def wide_dtype(dtype: Any) -> Any:
    """Return float64 for a floating type, complex128 for a complex one, and any other as it is.

    Example:
        >>> wide_dtype(jnp.bfloat16), wide_dtype(np.dtype("int32"))
        (dtype('float64'), dtype('int32'))
    """
    if jnp.issubdtype(dtype, jnp.floating):
        return np.dtype(np.float64)
    return np.dtype(np.complex128) if jnp.issubdtype(dtype, jnp.complexfloating) else dtype


def wide(value: Any) -> Any:
    """Return an array in its wide type; under `jax.enable_x64(True)`."""
    given = getattr(value, "dtype", None)
    if given is None or not jnp.issubdtype(given, jnp.inexact):
        return value
    return jnp.asarray(value, wide_dtype(given))


def never(eqn: JaxprEqn, line: str) -> bool:
    """Leave out nothing."""
    del eqn, line
    return False


def widened(program: Program, stripped: Stripped = never) -> Callable[..., list[Any]]:
    """Return a program as a function of its flat inputs, all of whose floats are float64.

    Custom rules are kept: each is traced in its own types, as JAX would, and widened like the rest.
    Call the result under `jax.enable_x64(True)`, and this function where the program was traced.

    Args:
        program: A jaxpr, open or closed.
        stripped: Which custom rules and `stop_gradient`s to leave out.

    Example:
        >>> program = jax.make_jaxpr(lambda x: x / 3)(jnp.float32(1))
        >>> with jax.enable_x64(True):
        ...     print(*widened(program)(jnp.float64(1)))
        0.3333333333333333
    """
    visit = visitor(jax.config.jax_enable_x64, stripped)  # pyright: ignore[reportAttributeAccessIssue]
    return lambda *inputs: _run(program, inputs, visit)


def visitor(x64: bool, stripped: Stripped = never) -> _Visit:
    """Return what does one equation in wide types, for `interpret`.

    Args:
        x64: Whether JAX was in 64-bit mode when the program was traced.
        stripped: Which custom rules and `stop_gradient`s to leave out.
    """

    def visit(eqn: JaxprEqn, operands: list[Any], line: str) -> Sequence[Any]:
        name = kind(eqn)
        if name in SILENT:
            return []
        if name in _SAME or (name == "stop_gradient" and stripped(eqn, line)):
            return operands
        if name in _WITH_RULES and name != "shard_map" and stripped(eqn, line):
            inner, values = _inside(eqn, operands)
            return _run(inner, values, visit, line)
        if name in _PROGRAMS:
            return _PROGRAMS[name](eqn, operands, lambda p, v: _run(p, v, visit, line), x64)
        return wide_operation(eqn, operands)

    return visit


def entered(eqn: JaxprEqn) -> tuple[Program, Sequence[Atom]] | None:
    """Return the jaxpr that an equation calls, unless it has a rule that must not be lost."""
    return None if kind(eqn) in _WITH_RULES else called(eqn)


def wide_operation(eqn: JaxprEqn, operands: _Values) -> list[Any]:
    """Do one equation without inner programs on wide values."""
    name = kind(eqn)
    if name in _SCATTERS:
        names = ("indices_are_sorted", "unique_indices", "mode")
        options = {option: eqn.params[option] for option in names}
        numbers = eqn.params["dimension_numbers"]
        return [_SCATTERS[name](*operands, numbers, **options)]
    wrapped = eqn.params.get("_prim") is not None
    if name in PRIMITIVES and name != "bitcast_convert_type" and not wrapped:
        return bind(eqn, operands, **_wide_parameters(eqn))
    return in_own_types(eqn, operands)


def in_own_types(eqn: JaxprEqn, operands: _Values) -> list[Any]:
    """Do one equation in the types that it was traced with, and widen what it gives."""
    return [wide(result) for result in bind(eqn, narrow(eqn.invars, operands))]


def narrow(atoms: Sequence[Atom], values: _Values) -> list[Any]:
    """Return values in the types of the variables that they stand for."""
    pairs = zip(atoms, values, strict=True)
    return [jnp.asarray(value, dtype(atom)) if _inexact(atom) else value for atom, value in pairs]


def _run(program: Program, inputs: _Values, visit: _Visit, line: str = "") -> list[Any]:
    return interpret(program, list(inputs), visit, lift=wide, caller=line, entered=entered)


def _inexact(atom: Atom) -> bool:
    return jnp.issubdtype(dtype(atom), jnp.inexact)


def _inside(eqn: JaxprEqn, operands: _Values) -> tuple[Program, list[Any]]:
    """Return the program of a function that has a rule, and what it is given."""
    call = called(eqn)
    assert call is not None
    given = dict(zip(map(id, eqn.invars), operands, strict=True))
    return call[0], [given[id(atom)] for atom in call[1]]


def _wide_parameters(eqn: JaxprEqn) -> dict[str, Any]:
    """Return the parameters that name a floating type, and the precision of products, changed."""
    changed = {
        name: wide_dtype(value) for name, value in eqn.params.items() if isinstance(value, np.dtype)
    }
    return changed | ({"precision": None} if "precision" in eqn.params else {})


# What runs inner programs: `rule(eqn, operands, run, x64)`.
_Run = Callable[[Program, _Values], list[Any]]


def _scan(eqn: JaxprEqn, operands: _Values, run: _Run, x64: bool) -> list[Any]:
    del x64
    consts, carries, _, _ = scan_parts(eqn)
    held, start, xs = _cut(operands, consts, carries)

    def step(carry: list[Any], x: list[Any]) -> tuple[list[Any], list[Any]]:
        results = run(eqn.params["jaxpr"], [*held, *carry, *x])
        return results[:carries], results[carries:]

    last, ys = jax.lax.scan(
        step, start, xs, length=eqn.params["length"], reverse=eqn.params["reverse"]
    )
    return [*last, *ys]


def _while(eqn: JaxprEqn, operands: _Values, run: _Run, x64: bool) -> list[Any]:
    del x64
    params = eqn.params
    tested, looped, start = _cut(operands, params["cond_nconsts"], params["body_nconsts"])
    return jax.lax.while_loop(
        lambda carry: run(params["cond_jaxpr"], [*tested, *carry])[0],
        lambda carry: run(params["body_jaxpr"], [*looped, *carry]),
        start,
    )


def _cond(eqn: JaxprEqn, operands: _Values, run: _Run, x64: bool) -> list[Any]:
    del x64
    branches = [lambda *values, b=b: run(b, values) for b in eqn.params["branches"]]
    return jax.lax.switch(operands[0], branches, *operands[1:])


def _shard_map(eqn: JaxprEqn, operands: _Values, run: _Run, x64: bool) -> Sequence[Any]:
    del x64
    params = eqn.params
    mapped = jax.shard_map(
        lambda *values: tuple(run(params["jaxpr"], values)),
        mesh=params["mesh"],
        in_specs=tuple(params["in_specs"]),
        out_specs=tuple(params["out_specs"]),
        axis_names=set(params.get("newly_manual_axes") or params["manual_axes"]),
        check_vma=params["check_vma"],
    )
    return mapped(*operands)


def _linear_solve(eqn: JaxprEqn, operands: _Values, run: _Run, x64: bool) -> Sequence[Any]:
    del x64
    lengths, programs = eqn.params["const_lengths"], eqn.params["jaxprs"]
    *consts, b = _cut(operands, *lengths)
    if len(eqn.outvars) != len(b):
        return in_own_types(eqn, operands)

    def inner(place: int) -> Callable[[tuple], tuple]:
        return lambda values: tuple(run(programs[place], [*consts[place], *values]))

    symmetric = programs.vecmat is programs.matvec
    transposed = None if symmetric or programs.transpose_solve is None else inner(3)
    return jax.lax.custom_linear_solve(
        inner(0),
        tuple(b),
        lambda _, b: inner(2)(b),
        transpose_solve=transposed and (lambda _, b: transposed(b)),
        symmetric=symmetric,
    )


def _cut(values: Iterable[Any], *lengths: int) -> list[list[Any]]:
    """Cut values into parts of these lengths, and what is left."""
    left, parts = list(values), []
    for length in lengths:
        parts.append(left[:length])
        left = left[length:]
    return [*parts, left]


def _with_rule(make: Callable[..., Callable[..., list[Any]]]) -> Callable[..., Sequence[Any]]:
    """Return what calls a function that has a rule, by way of `make`, which widens both."""

    def rule(eqn: JaxprEqn, operands: _Values, run: _Run, x64: bool) -> Sequence[Any]:
        program, _ = _inside(eqn, operands)
        return make(eqn, partial(run, program), run, x64)(*operands)

    return rule


_PROGRAMS: dict[str, Callable[..., Sequence[Any]]] = {
    "cond": _cond,
    "custom_jvp_call": _with_rule(wide_custom_jvp),
    "custom_linear_solve": _linear_solve,
    "custom_vjp_call": _with_rule(wide_custom_vjp),
    "scan": _scan,
    "shard_map": _shard_map,
    "while": _while,
}
