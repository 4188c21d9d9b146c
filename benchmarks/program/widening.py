"""A program in float64: the very program that was traced, its floats widened, its bits kept.

Tracing a function again with float64 inputs may give another function, or none: random draws are
others, a carry changes its type, a cast inside stays narrow. Here the equations stay what they are.
Random bits, integers and comparisons are kept bit for bit, and so is what turns bits into a float;
from there on every floating number is float64 and every complex one complex128. An operation that
JAX cannot do in float64, or that nobody knows here (a callback, a kernel), is done in its own type,
and its result cast.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend.core import JaxprEqn

from .jaxpr import Program, kind
from .walk import by_content, calls_but, inside, interpret
from .wide_programs import PROGRAMS
from .wide_values import wide, wide_operation

#: `stripped(eqn, line)`: whether a custom rule, or a `stop_gradient`, is to be left out.
Stripped = Callable[[JaxprEqn, str], bool]
#: `operation(eqn, operands)` does one equation that holds no program.
Operation = Callable[[JaxprEqn, Sequence[Any]], list[Any]]
_Visit = Callable[[JaxprEqn, list[Any], str], Sequence[Any]]

#: They say what to print, or where data lie, and compute nothing.
SILENT = ("debug_callback", "debug_print")
_SAME = ("CheckpointName", "device_put", "reduce_precision")
_WITH_RULES = ("custom_jvp_call", "custom_vjp_call", "custom_linear_solve", "shard_map")


def never(eqn: JaxprEqn, line: str) -> bool:
    """Leave out nothing."""
    del eqn, line
    return False


def widened(
    program: Program, stripped: Stripped = never, operation: Operation = wide_operation
) -> Callable[..., list[Any]]:
    """Return a program as a function of its flat inputs, all of whose floats are float64.

    Custom rules are kept: each is traced in its own types, as JAX would, and widened like the rest.
    Call the result under `jax.enable_x64(True)`, and this function where the program was traced.

    Args:
        program: A jaxpr, open or closed.
        stripped: Which custom rules and `stop_gradient`s to leave out.
        operation: Does one equation that holds no program, on wide values.

    Example:
        >>> import jax.numpy as jnp
        >>> program = jax.make_jaxpr(lambda x: x / 3)(jnp.float32(1))
        >>> with jax.enable_x64(True):
        ...     print(*widened(program)(jnp.float64(1)))
        0.3333333333333333
    """
    x64 = jax.config.jax_enable_x64  # pyright: ignore[reportAttributeAccessIssue]
    visit = _visitor(x64, stripped, operation)
    return lambda *inputs: _run(program, inputs, visit)


def _visitor(x64: bool, stripped: Stripped, operation: Operation) -> _Visit:
    """Return what does one equation in wide types, for `interpret`.

    Args:
        x64: Whether JAX was in 64-bit mode when the program was traced.
        stripped: Which custom rules and `stop_gradient`s to leave out.
        operation: Does one equation that holds no program.
    """

    def visit(eqn: JaxprEqn, operands: list[Any], line: str) -> Sequence[Any]:
        name = kind(eqn)
        if name in SILENT:
            return []
        if name in _SAME or (name == "stop_gradient" and stripped(eqn, line)):
            return operands
        if name in _WITH_RULES and name != "shard_map" and stripped(eqn, line):
            call = inside(eqn, operands)
            assert call is not None
            return _run(*call, visit, line)
        if name in PROGRAMS:
            return PROGRAMS[name](eqn, operands, lambda p, v: _run(p, v, visit, line), x64)
        return operation(eqn, operands)

    return visit


def _run(program: Program, inputs: Sequence[Any], visit: _Visit, line: str = "") -> list[Any]:
    return interpret(
        program,
        list(inputs),
        visit,
        lift=by_content(wide),
        caller=line,
        entered=calls_but(_WITH_RULES),  # a rule must not be lost
    )
