"""Derivatives that somebody wrote: whose they are, where they are, and the same in wide types.

`jax.custom_jvp` and `jax.custom_vjp` hold Python functions. Here each is traced in its own types by
differentiating the one equation, so that what becomes of it is a program like any other.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import JaxprEqn

from .jaxpr import Atom, Program, called, dtype, holds_floats, kind, opened, shape
from .source import file_name, is_jaxs
from .walk import bind, equations

RULES = ("custom_jvp_call", "custom_vjp_call")
#: How the name of a user's rule begins.
OF_USERS = "the custom_"
_DEFINED = re.compile(r"(?P<name>.+) at (?P<path>.+):(?P<line>\d+)$")
_LOOPS = ("while", "scan")
_DERIVED = (*RULES, "custom_linear_solve")

#: Runs a program on wide values.
_Run = Callable[[Program, Sequence[Any]], list[Any]]
_Wide = Callable[..., list[Any]]


def rule_of(eqn: JaxprEqn, line: str) -> str:
    """Say which custom rule an equation has and where it stands, `""` if none or one of JAX.

    Args:
        eqn: An equation.
        line: The user's line that it was called at.
    """
    name = kind(eqn)
    if name not in RULES:
        return ""
    what = f"the {name.removesuffix('_call')}"
    call = called(eqn)
    function = _definition(call and opened(call[0]))
    rule = _definition(eqn.params.get("jvp_jaxpr_fun") or eqn.params.get("bwd"))
    known = [found for found in (rule, function) if found]
    if not known:
        return f"{what} at {line}"
    users = [found for found in known if not is_jaxs(found["path"])]
    if not users:
        return ""
    of = f" of {function['name']}" if function else ""
    return f"{what}{of} at {file_name(users[0]['path'])}:{users[0]['line']}"


def function_of(eqn: JaxprEqn) -> str:
    """Return the name of the function that has a custom rule, `""` if JAX does not know it."""
    call = called(eqn)
    function = _definition(call and opened(call[0]))
    return function["name"] if function else ""


def _definition(function: object) -> re.Match | None:
    """Return the name, the path and the line of what JAX knows of a function."""
    known = getattr(function, "debug_info", None)
    return _DEFINED.match(getattr(known, "func_src_info", None) or "")


def rules(program: Program) -> tuple[str, ...]:
    """Name the custom rules of a user's in a program, each once.

    Example:
        >>> relu = jax.make_jaxpr(jax.nn.relu)(1.0)  # its rule is JAX's
        >>> rules(relu)
        ()
    """
    named = (rule_of(eqn, line) for eqn, line in equations(program))
    return tuple(dict.fromkeys(name for name in named if name))


class RulesWithin(NamedTuple):
    """What rules a program has, JAX's among them.

    Attributes:
        any: Whether there is one.
        solver: Whether one stands for a loop: a solver, that is as good as its tolerance.
    """

    any: bool
    solver: bool


def rules_within(program: Program) -> RulesWithin:
    """Look for custom rules, and for those of solvers."""
    with_rules = [eqn for eqn, _ in equations(program) if kind(eqn) in _DERIVED]
    calls = [call for eqn in with_rules if (call := called(eqn))]
    inner = {kind(eqn) for body, _ in calls for eqn, _ in equations(body)}
    return RulesWithin(bool(with_rules), not inner.isdisjoint(_LOOPS))


def wide_custom_jvp(eqn: JaxprEqn, primal: _Wide, run: _Run, x64: bool) -> _Wide:
    """Return a function with the `custom_jvp` of an equation, all in wide types.

    Args:
        eqn: The equation.
        primal: The function itself, in wide types.
        run: Runs a program in wide types.
        x64: Whether the equation was traced in 64-bit mode.
    """
    args, moving, _ = _structs(eqn)

    @cache
    def pushed() -> Program:  # only where the function is differentiated
        with jax.enable_x64(x64):
            return jax.make_jaxpr(partial(_pushed, eqn))(args, moving)

    def rule(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        results = run(pushed(), [*primals, *_moving(eqn, tangents)])
        outputs, slopes = results[: len(eqn.outvars)], iter(results[len(eqn.outvars) :])
        zeros = [np.zeros(shape(v), jax.dtypes.float0) for v in eqn.outvars]
        moved = [
            next(slopes) if holds_floats(v) else z for v, z in zip(eqn.outvars, zeros, strict=True)
        ]
        return outputs, moved

    fn = jax.custom_jvp(lambda *values: list(primal(values)))
    fn.defjvp(rule)
    return fn


def wide_custom_vjp(eqn: JaxprEqn, primal: _Wide, run: _Run, x64: bool) -> _Wide:
    """Return a function with the `custom_vjp` of an equation, all in wide types.

    The arguments are those of `wide_custom_jvp`.
    """
    args, _, cotangents = _structs(eqn)

    @cache
    def both() -> tuple[Program, Program]:  # only where the function is differentiated
        with jax.enable_x64(x64):
            forth, (_, kept) = jax.make_jaxpr(partial(_forth, eqn), return_shape=True)(args)
            back = jax.make_jaxpr(lambda kept, cotangents: kept(cotangents))(kept, cotangents)
        return forth, back

    def forth(*values: Any) -> tuple[list[Any], list[Any]]:
        results = run(both()[0], values)
        return results[: len(eqn.outvars)], results[len(eqn.outvars) :]

    def pull(kept: list[Any], cotangents: Sequence[Any]) -> tuple[Any, ...]:
        pulled = iter(run(both()[1], [*kept, *_floating(eqn.outvars, cotangents)]))
        return tuple(next(pulled) if moves else None for moves in _moves(eqn))

    fn = jax.custom_vjp(lambda *values: list(primal(values)))
    fn.defvjp(forth, pull)
    return fn


def _pushed(eqn: JaxprEqn, args: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Return all results of an equation, and the tangents of those that hold floats."""
    fn, floats = _of_floats(eqn, args)
    _, slopes, results = jax.jvp(fn, tuple(floats), tuple(tangents), has_aux=True)
    return results, slopes


def _forth(eqn: JaxprEqn, args: Sequence[Any]) -> tuple[list[Any], Any]:
    """Return all results of an equation, and its way back, a pytree of what that keeps."""
    fn, floats = _of_floats(eqn, args)
    _, pull, results = jax.vjp(fn, *floats, has_aux=True)
    return results, pull


def _of_floats(eqn: JaxprEqn, args: Sequence[Any]) -> tuple[Callable, list[Any]]:
    """Return an equation as a function of the floats that it can be differentiated by.

    It returns its floats, and all of its results beside them.
    """

    def fn(*floats: Any) -> tuple[list[Any], list[Any]]:
        moving = iter(floats)
        pairs = zip(_moves(eqn), args, strict=True)
        results = bind(eqn, [next(moving) if moves else value for moves, value in pairs])
        return _floating(eqn.outvars, results), results

    return fn, _moving(eqn, args)


def _moves(eqn: JaxprEqn) -> list[bool]:
    """Say of each operand whether a rule is told how it moves: not of what it closes over."""
    closed_over = eqn.params["num_consts"]
    return [place >= closed_over and holds_floats(v) for place, v in enumerate(eqn.invars)]


def _moving(eqn: JaxprEqn, values: Sequence[Any]) -> list[Any]:
    return [value for moves, value in zip(_moves(eqn), values, strict=True) if moves]


def _structs(eqn: JaxprEqn) -> tuple[list[Any], list[Any], list[Any]]:
    """Return what an equation takes, the part of it that holds floats, and that of its results."""
    args, results = (
        [jax.ShapeDtypeStruct(shape(v), dtype(v)) for v in atoms]
        for atoms in (eqn.invars, eqn.outvars)
    )
    return args, _moving(eqn, args), _floating(eqn.outvars, results)


def _floating(atoms: Sequence[Atom], values: Sequence[Any]) -> list[Any]:
    return [value for atom, value in zip(atoms, values, strict=True) if holds_floats(atom)]
