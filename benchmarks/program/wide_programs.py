"""Loops, branches, maps, solves and custom rules in float64: what runs the programs inside."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
from jax.extend.core import JaxprEqn

from .custom_rules import wide_custom_jvp, wide_custom_vjp
from .jaxpr import Program, called
from .loops import cut, of_scan, of_while
from .wide_values import in_own_types

_Values = Sequence[Any]


# What runs inner programs: `rule(eqn, operands, run, x64)`.
_Run = Callable[[Program, _Values], list[Any]]


def _scan(eqn: JaxprEqn, operands: _Values, run: _Run, x64: bool) -> list[Any]:
    del x64
    held, start, xs = of_scan(eqn, operands)

    def step(carry: list[Any], x: list[Any]) -> tuple[list[Any], list[Any]]:
        results = run(eqn.params["jaxpr"], [*held, *carry, *x])
        return results[: len(start)], results[len(start) :]

    last, ys = jax.lax.scan(
        step, start, xs, length=eqn.params["length"], reverse=eqn.params["reverse"]
    )
    return [*last, *ys]


def _while(eqn: JaxprEqn, operands: _Values, run: _Run, x64: bool) -> list[Any]:
    del x64
    params = eqn.params
    tested, looped, start = of_while(eqn, operands)
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
    *consts, b = cut(operands, *lengths)
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


def _with_rule(make: Callable[..., Callable[..., list[Any]]]) -> Callable[..., Sequence[Any]]:
    """Return what calls a function that has a rule, by way of `make`, which widens both."""

    def rule(eqn: JaxprEqn, operands: _Values, run: _Run, x64: bool) -> Sequence[Any]:
        call = called(eqn)
        assert call is not None
        return make(eqn, partial(run, call[0]), run, x64)(*operands)

    return rule


PROGRAMS: dict[str, Callable[..., Sequence[Any]]] = {
    "cond": _cond,
    "custom_jvp_call": _with_rule(wide_custom_jvp),
    "custom_linear_solve": _linear_solve,
    "custom_vjp_call": _with_rule(wide_custom_vjp),
    "scan": _scan,
    "shard_map": _shard_map,
    "while": _while,
}
