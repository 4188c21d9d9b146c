"""How many arithmetic operations a program asks for, counted from its jaxpr."""

import math
from collections.abc import Callable

from jax.extend.core import JaxprEqn

from .count import Flops
from .inputs import Inputs, first_that_traces, sort_inputs
from .jaxpr import Program, called, devices, kind, opened, shape, trace
from .platforms import as_on_the_device_of, default_platform
from .primitives import cost_of
from .walk import calls_but, endless_loops, interpret, nothing

_TOLERANCE = 0.05  # how far XLA's figure may be off before it is worth a sentence


def flops(fn: Callable[..., object], *inputs: object) -> Flops:
    """Count the operations of `fn(*inputs)` from its jaxpr; nothing is run.

    Exact for dot products and convolutions (2 for each product of numbers that exist: padding is
    not multiplied), elementwise operations (1 an element, integers, comparisons, casts and complex
    numbers included, as XLA counts) and reductions (n - 1). An elementary or special function is
    one operation, also counted in `transcendental`; XLA keeps those apart. Moving data is free.
    Loop bodies are multiplied by their length; a branch is a range; code that no output needs is
    left out. Sorting is n ceil(log2 n); library calls are the leading order of the textbook
    (Golub and Van Loan, 2013), so they are off by the lower orders. A `while_loop`, a callback and
    a primitive that is not known are named in `unknown`.

    Args:
        fn: A JAX function.
        *inputs: Its arguments, or `jax.ShapeDtypeStruct`s in their place. A Python number that the
            function needs the value of while it is traced is held, and all that is no number.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gradwise import flops
        >>> x, w = jax.ShapeDtypeStruct((3, 4), "float32"), jax.ShapeDtypeStruct((4, 5), "float32")
        >>> print(flops(lambda x, w: jnp.tanh(x @ w), x, w))  # 2 * 3 * 4 * 5 + 3 * 5
        135
        >>> print(flops(lambda x: jax.lax.while_loop(lambda h: h[0, 0] < 1, jnp.exp, x), x))
        unknown (at least 1; not counted: while at ...)
    """

    def traced(way: Inputs) -> Program:
        return trace(way.arrays_only(fn), way.x, way.fixed)

    program = first_that_traces(traced, sort_inputs(inputs, None), endless_loops)[1]
    with as_on_the_device_of(inputs):
        return _counted(program)


def _counted(program: Program, caller: str = "") -> Flops:
    parts = [Flops()]

    def visit(eqn: JaxprEqn, operands: list[None], line: str) -> list[None]:
        parts.append(flops_of(eqn, line))
        return [None] * len(eqn.outvars)

    inputs = [None] * len(opened(program).invars)
    interpret(program, inputs, visit, lift=nothing, caller=caller, entered=calls_but(_STRUCTURED))
    return sum(parts, Flops())


def flops_of(eqn: JaxprEqn, line: str = "") -> Flops:
    """Count one equation, with all that it calls, as often as it does.

    Example:
        >>> import jax
        >>> program = jax.make_jaxpr(lambda x: x * 2)(jax.numpy.ones(3))
        >>> print(flops_of(program.jaxpr.eqns[0]))
        3
    """
    counted, call = _STRUCTURED.get(kind(eqn)), called(eqn)
    if counted is None and call is not None:
        return _counted(call[0], line)
    return (counted or _single)(eqn, line)


def _single(eqn: JaxprEqn, line: str) -> Flops:
    """Count one equation that holds no program of its own."""
    cost = cost_of(eqn)
    if cost is None:
        return _unknown(kind(eqn), line)
    n = cost.operations
    return Flops(
        low=n,
        mean=n,
        high=n,
        transcendental=cost.transcendental,
        as_xla=n - cost.library,
        library=cost.library,
    )


def _unknown(name: str, line: str) -> Flops:
    return Flops(unknown=(f"{name} at {line}" if line else name,))


def _scan(eqn: JaxprEqn, line: str) -> Flops:
    return _counted(eqn.params["jaxpr"], line).times(eqn.params["length"])


def _while(eqn: JaxprEqn, line: str) -> Flops:
    # The condition runs at least once, the body perhaps never.
    test, body = (_counted(eqn.params[part], line) for part in ("cond_jaxpr", "body_jaxpr"))
    return test + body.times(0) + _unknown("while", line)


def _cond(eqn: JaxprEqn, line: str) -> Flops:
    sides = [_counted(side, line) for side in live_branches(eqn)]
    return Flops(
        low=min(side.low for side in sides),
        mean=math.fsum(side.mean for side in sides) / len(sides),
        high=max(side.high for side in sides),
        unknown=tuple(dict.fromkeys(what for side in sides for what in side.unknown)),
        transcendental=max(side.transcendental for side in sides),
        as_xla=max(side.as_xla for side in sides),
        library=max(side.library for side in sides),
    )


def live_branches(eqn: JaxprEqn) -> tuple[Program, ...]:
    """Return the branches that may run: one, where `lax.platform_dependent` chooses it.

    It chooses by the platform of the default device.
    """
    branches, platforms = eqn.params["branches"], eqn.params.get("branches_platforms")
    for branch, named in zip(branches, platforms or (), strict=False):
        if named is None or default_platform() in named:
            return (branch,)
    return branches


def _shard_map(eqn: JaxprEqn, line: str) -> Flops:
    """Count the body on every device; XLA reports one device."""
    return _counted(eqn.params["jaxpr"], line).times(devices(eqn))


def _folded(eqn: JaxprEqn, line: str) -> Flops:
    """Count a reduction, or a windowed one, by a user's function: the function n - 1 times."""
    elements, out = math.prod(shape(eqn.invars[0])), math.prod(shape(eqn.outvars[0]))
    window = eqn.params.get("window_dimensions")
    times = out * (math.prod(window) - 1) if window else elements - out
    return _counted(eqn.params["jaxpr"], line).times(times, as_xla=times)


#: Equations that hold a program which does not run exactly once.
_STRUCTURED: dict[str, Callable[[JaxprEqn, str], Flops]] = {
    "cond": _cond,
    "reduce": _folded,
    "reduce_window": _folded,
    "scan": _scan,
    "shard_map": _shard_map,
    "while": _while,
}


def why_xla_differs(counted: Flops, xla: float | None) -> str | None:
    """Say in one sentence why XLA's figure differs from the count; `None` where they agree.

    Args:
        counted: What `flops` returned.
        xla: XLA's figure, transcendental operations included; `None` or negative if it has none.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> body = lambda x, _: (jnp.sin(x) + 1, None)
        >>> loop = flops(lambda x: jax.lax.scan(body, x, length=10)[0], jnp.ones(1000))
        >>> print(why_xla_differs(loop, 2002.0))
        XLA counts 2,002 of 20,000 operations: it takes what is repeated (a loop's body) once.
        >>> why_xla_differs(Flops(low=10, mean=10.0, high=10), 10.0)
    """
    if xla is None or xla < 0:
        return "XLA gives no figure, as for a program that calls code which it cannot see."
    if counted.unknown:
        return f"The count is a lower bound: it leaves out {', '.join(counted.unknown)}."
    if counted.low * (1 - _TOLERANCE) <= xla <= counted.high * (1 + _TOLERANCE):
        return None
    if xla > counted.high:
        return (
            f"XLA counts {xla:,.0f} operations against {counted.high:,}: the compiled program "
            "repeats work inside fusions, or writes out a function that counts as one operation "
            "here."
        )
    return f"XLA counts {xla:,.0f} of {counted.low:,} operations: {_shortfall(counted)}."


def _shortfall(counted: Flops) -> str:
    """Say why XLA's figure is below the count."""
    reasons = []
    if counted.as_xla < counted.low - counted.library:
        reasons.append("it takes what is repeated (a loop's body) once")
    if counted.library:
        reasons.append("it does not look inside library calls (LAPACK)")
    return " and ".join(reasons) or "it simplified the program before it counted"
