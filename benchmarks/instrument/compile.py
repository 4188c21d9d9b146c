"""Compile a function ahead of time, with what its compilation tells: times, memory, operations."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import jax
from jax.stages import Compiled as Executable
from jax.stages import Lowered

from . import cache
from .clock import CLOCK
from .deadline import TimeUpError, within
from .memory import Memory

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """A function compiled for its arguments.

    What the compiler tells of it is asked for when it is used, since asking may fail.

    Attributes:
        call: Runs it on those arguments and returns the result without waiting for it.
        trace_seconds: Wall time from the Python function to its jaxpr.
        lower_seconds: Wall time from the jaxpr to HLO.
        compile_seconds: Wall time from HLO to the executable.
        lowered: The program before XLA optimized it.
        executable: The program that runs.
    """

    call: Callable[[], object]
    trace_seconds: float
    lower_seconds: float
    compile_seconds: float
    lowered: Lowered
    executable: Executable

    @property
    def total_seconds(self) -> float:
        """Seconds from the Python function to the executable."""
        return self.trace_seconds + self.lower_seconds + self.compile_seconds

    @cached_property
    def memory(self) -> Memory | None:
        """What one execution needs; `None` where the backend does not tell."""
        analysis = self.executable.memory_analysis()
        if analysis is None:
            return None
        return Memory(
            temporary=analysis.temp_size_in_bytes,
            argument=analysis.argument_size_in_bytes,
            output=analysis.output_size_in_bytes,
            alias=analysis.alias_size_in_bytes,
        )

    @cached_property
    def xla_flops(self) -> float | None:
        """XLA's own count of operations; `None` where it does not tell."""
        return xla_operations(self.executable.cost_analysis() or {})

    @cached_property
    def hlo(self) -> str:
        """The text of the program that runs."""
        return self.executable.as_text() or ""

    @property
    def unoptimized_hlo(self) -> str:
        """The text of the program as it was before XLA optimized it."""
        return str(self.lowered.as_text("hlo"))


class CompileTimeoutError(RuntimeError):
    """Compilation took longer than its limit."""


def compile_for(
    fn: Callable[..., object], args: tuple[object, ...], *, limit: float | None = None
) -> Compiled:
    """Trace, lower and compile `fn(*args)`, and time each stage apart.

    A program that this process has compiled before is not compiled again; its times are those of
    its compilation. Nothing is donated, so `args` stay valid, and sharded arguments stay where they
    are.

    Raises:
        CompileTimeoutError: If compiling takes longer than `limit` seconds. XLA cannot be
            interrupted: the compilation goes on in the background until it ends by itself.

    Example:
        >>> import jax.numpy as jnp
        >>> compiled = compile_for(lambda x: x @ x, (jnp.ones((8, 8)),))
        >>> int(compiled.xla_flops)
        1024
        >>> compiled.memory.output
        256
    """
    start = CLOCK.wall()
    traced = jax.jit(fn).trace(*args)
    after_trace = CLOCK.wall()
    lowered = traced.lower()
    after_lower = CLOCK.wall()
    key = cache.key_of(traced, lowered, args)
    known = cache.recall(key)
    if known is None:
        before = CLOCK.wall()
        executable = _within(limit, lowered.compile)
        stages = after_trace - start, after_lower - after_trace, CLOCK.wall() - before
        known = cache.Known(lowered, executable, stages)
        cache.remember(key, known)
    return _compiled(known, args)


def _compiled(known: cache.Known, args: tuple[object, ...]) -> Compiled:
    trace_seconds, lower_seconds, compile_seconds = known.seconds
    return Compiled(
        call=lambda: known.executable(*args),
        trace_seconds=trace_seconds,
        lower_seconds=lower_seconds,
        compile_seconds=compile_seconds,
        lowered=known.lowered,
        executable=known.executable,
    )


def xla_operations(cost_analysis: Mapping[str, float]) -> float | None:
    """Return the operations in what `compiled.cost_analysis()` says, `None` if it says nothing.

    XLA keeps transcendental operations apart from its flops; here an elementary function is one
    operation like any other. XLA gives -1 for a program that calls back into Python.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> compiled = jax.jit(lambda x: 2 * jnp.sin(x)).lower(jnp.ones(3)).compile()
        >>> xla_operations(compiled.cost_analysis())
        6.0
    """
    parts = [cost_analysis.get("flops", 0.0), cost_analysis.get("transcendentals", 0.0)]
    return float(sum(parts)) if cost_analysis and min(parts) >= 0 else None


def _within(limit: float | None, work: Callable[[], Result]) -> Result:
    try:
        return within(math.inf if limit is None else limit, work, "compiling")
    except TimeUpError as error:
        raise CompileTimeoutError(str(error)) from None
