"""Compile a function ahead of time and time it; nothing else in the suite calls a clock.

What the best harnesses do, and what is easily got wrong with JAX: tracing, lowering and compiling
are timed apart from running; every call is blocked on; the variants are interleaved in random order
within a round, so that a drift of the machine meets all of them alike; a sample is long enough for
the clock; raw samples are kept.
"""

import gc
import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from ..program import xla_operations

#: A sample repeats a call until it takes at least this many seconds.
SAMPLE_SECONDS = 1e-3
#: No statistic is drawn from fewer rounds than this, however slow a program is.
MIN_ROUNDS = 3


class Memory(NamedTuple):
    """Bytes that one execution needs, as XLA planned them."""

    temporary: int
    argument: int
    output: int
    alias: int

    @property
    def total(self) -> int:
        """Temporary + argument + output - alias: activations can sit in output buffers."""
        return self.temporary + self.argument + self.output - self.alias


class Compiled(NamedTuple):
    """A function compiled for its arguments, with what its compilation told.

    Attributes:
        call: Runs it on those arguments and returns the result, not blocked on.
        trace_seconds, lower_seconds, compile_seconds: Wall time of each stage, once.
        memory: What one execution needs; `None` where the backend does not tell.
        xla_flops: XLA's own count of operations; `None` where it does not tell.
        hlo: The optimised program's text.
        written: Gives the text of the program as it was before XLA optimised it.
    """

    call: Callable[[], Any]
    trace_seconds: float
    lower_seconds: float
    compile_seconds: float
    memory: Memory | None
    xla_flops: float | None
    hlo: str
    written: Callable[[], str]

    @property
    def total_seconds(self) -> float:
        """Seconds from the Python function to the executable."""
        return self.trace_seconds + self.lower_seconds + self.compile_seconds


class Samples(NamedTuple):
    """Seconds per call of one program, a sample a round.

    Attributes:
        rounds: `[samples]` the round of each sample; those of a round are neighbours in time.
        wall: `[samples]` wall-clock seconds per call.
        cpu: `[samples]` CPU seconds per call, summed over the process's threads.
        calls: Calls in each sample.
    """

    rounds: np.ndarray
    wall: np.ndarray
    cpu: np.ndarray
    calls: int


class CompileTimeoutError(RuntimeError):
    """Compilation took longer than its limit."""


def compile_for(fn: Callable, args: tuple, *, limit: float | None = None) -> Compiled:
    """Traces, lowers and compiles `fn(*args)`, each stage timed apart.

    Nothing is donated, so `args` stay valid, and sharded arguments stay where they are.

    Raises:
        CompileTimeoutError: If compiling takes longer than `limit` seconds. XLA cannot be
            interrupted: the compilation is left to end by itself in the background.

    Example:
        >>> import jax.numpy as jnp
        >>> compiled = compile_for(lambda x: x @ x, (jnp.ones((8, 8)),))
        >>> int(compiled.xla_flops)
        1024
        >>> compiled.memory.output
        256
    """
    start = time.perf_counter()
    traced = jax.jit(fn).trace(*args)
    after_trace = time.perf_counter()
    lowered = traced.lower()
    after_lower = time.perf_counter()
    executable = _within(limit, lowered.compile)
    after_compile = time.perf_counter()
    return Compiled(
        call=lambda: executable(*args),
        trace_seconds=after_trace - start,
        lower_seconds=after_lower - after_trace,
        compile_seconds=after_compile - after_lower,
        memory=_memory(executable),
        xla_flops=xla_operations(executable.cost_analysis() or {}),
        hlo=executable.as_text() or "",
        written=lambda: lowered.as_text("hlo"),
    )


def run_once(call: Callable[[], Any]) -> tuple[float, Any]:
    """Wall seconds of one blocked call, for planning and for what compiles, and its result."""
    start = time.perf_counter()
    result = jax.block_until_ready(call())
    return time.perf_counter() - start, result


def deadline(seconds: float) -> Callable[[], float]:
    """A function that tells the seconds left of `seconds`, negative once they are over."""
    end = time.monotonic() + seconds
    return lambda: end - time.monotonic()


def interleave(
    calls: Mapping[str, Callable[[], Any]],
    *,
    budget: float,
    seed: int = 0,
    max_rounds: int = 400,
    on_round: Callable[[float], None] | None = None,
) -> tuple[dict[str, Samples], dict[str, Exception]]:
    """Times programs against one another: rounds in random order, every call blocked on.

    A program leaves the rounds when it has used its equal share of the budget (but not before
    `MIN_ROUNDS`), so that a slow one does not starve the fast ones. A round goes on while time is
    left; a program that raises is dropped and its exception returned.

    Args:
        calls: Programs by name; each call returns what is to be blocked on.
        budget: Seconds for all of them together.
        seed: Orders the programs within the rounds.
        max_rounds: No program is sampled more often than this.
        on_round: Told the share of the budget that is spent after each round.

    Returns:
        Samples by name, and the exceptions of those that failed by name.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.ones(8)
        >>> samples, failed = interleave({"sum": lambda: x.sum()}, budget=0.01)
        >>> samples["sum"].wall.size >= MIN_ROUNDS, failed
        (True, {})
    """
    order, failed = random.Random(seed), {}
    inner = _inner_counts(calls, failed)
    taken: dict[str, list[tuple[int, float, float]]] = {name: [] for name in inner}
    spent = dict.fromkeys(inner, 0.0)
    share = budget / max(len(inner), 1)
    active = list(inner)
    for round_index in range(max_rounds):
        order.shuffle(active)
        for name in active:
            try:
                wall, cpu = _sample(calls[name], inner[name])
            except Exception as error:  # a program may fail at any call: out of memory, for one
                failed[name] = error
                continue
            spent[name] += wall
            taken[name].append((round_index, wall / inner[name], cpu / inner[name]))
        active = [
            name
            for name in active
            if name not in failed and (round_index + 1 < MIN_ROUNDS or spent[name] < share)
        ]
        if on_round:
            on_round(min(sum(spent.values()) / budget, 1.0))
        if not active:
            break
    samples = {}
    for name, rows in taken.items():
        if name not in failed:
            rounds, wall, cpu = map(np.array, zip(*rows, strict=True))
            samples[name] = Samples(rounds, wall, cpu, inner[name])
    return samples, failed


def available_memory() -> int | None:
    """Bytes the default device has left, or the machine on a CPU; `None` if nobody tells."""
    stats = jax.devices()[0].memory_stats() or {}
    if "bytes_limit" in stats:
        return stats["bytes_limit"] - stats.get("bytes_in_use", 0)
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def _inner_counts(calls: Mapping[str, Callable], failed: dict[str, Exception]) -> dict[str, int]:
    """Warms every program up and finds how often a sample must call it."""
    counts = {}
    for name, call in calls.items():
        try:
            jax.block_until_ready(call())
            count = 1
            # The quicker of two: one interruption must not make a sample of a single short call.
            while (elapsed := min(_sample(call, count)[0] for _ in range(2))) < SAMPLE_SECONDS:
                count = max(2 * count, int(1.2 * count * SAMPLE_SECONDS / max(elapsed, 1e-9)))
            counts[name] = count
        except Exception as error:
            failed[name] = error
    return counts


def _sample(call: Callable[[], Any], count: int) -> tuple[float, float]:
    """Wall and CPU seconds of `count` blocked calls, the garbage collector held off."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(count):
            jax.block_until_ready(call())
        return time.perf_counter() - wall, time.process_time() - cpu
    finally:
        if collecting:
            gc.enable()


def _within(limit: float | None, work: Callable[[], Any]) -> Any:
    """Does `work`, in a thread that is abandoned if it takes longer than `limit` seconds."""
    if limit is None:
        return work()
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["value"] = work()
        except BaseException as error:  # handed to the caller's thread
            outcome["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit)
    if thread.is_alive():
        raise CompileTimeoutError(f"compiling took longer than {limit:g} s and was given up")
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


def _memory(executable: Any) -> Memory | None:
    analysis = executable.memory_analysis()
    if analysis is None:
        return None
    return Memory(
        temporary=analysis.temp_size_in_bytes,
        argument=analysis.argument_size_in_bytes,
        output=analysis.output_size_in_bytes,
        alias=analysis.alias_size_in_bytes,
    )
