"""Whether a derivative costs at most so many times its function: counted, or measured."""

import math
from collections.abc import Callable
from numbers import Real
from typing import NamedTuple

from ..check.directions import random_probe
from ..comparison.reading import read_program
from ..derivatives.method import Program
from ..derivatives.problem import Problem, make_problem
from ..derivatives.products import jvp, vjp
from ..instrument import units
from ..instrument.clock import time_left
from ..instrument.compile import CompileTimeoutError, compile_for
from ..instrument.statistics import ratio
from ..instrument.timing import interleave
from ..instrument.unwatched import unwatched
from ..program.advice import Advice
from ..program.flops import flops
from .looked_at import MODES, SEED, Subject, check_mode, out_of_time

#: Seconds of measuring.
_BUDGET = 1.0


class _Programs(NamedTuple):
    """A function and its derivative as programs, and what they are in words."""

    value: Program
    derivative: Program
    words: str
    advice: tuple[Advice, ...] = ()


def not_cheap(
    subject: Subject,
    *,
    times: float,
    mode: str | None,
    derivative: Callable[..., object] | None,
    seconds: bool,
) -> str:
    """Say by how much a derivative is too dear; `""` if it is cheap enough.

    Args:
        subject: The function.
        times: What the derivative may cost, in costs of the function.
        mode: `"forward"` or `"reverse"`; `None` for reverse mode where the function has it.
        derivative: The derivative, of the function's inputs; `None` for the value and one product
            by a mode, for a scalar function by reverse mode its gradient.
        seconds: Whether to measure; operations are counted otherwise.

    Raises:
        ValueError: If `times` or `mode` is out of range, or operations cannot be counted.
    """
    check_mode(mode)
    if not (isinstance(times, Real) and not isinstance(times, bool) and 0 < times < math.inf):
        raise ValueError(f"times must be a positive number, got {times!r}")
    if derivative is not None and mode is not None:
        raise ValueError("mode is that of JAX's own derivative: leave out mode or derivative")
    if derivative is not None and not callable(derivative):
        raise TypeError(f"derivative must be a function, got {type(derivative).__name__}")
    if derivative is not None:
        own = Program(subject.fn, subject.inputs), Program(derivative, subject.inputs)
        programs = _Programs(*own, f"the derivative of {subject.name}")
    else:
        found = _by_mode(subject, mode)
        if isinstance(found, str):
            return found
        programs = found
    return _measured(programs, subject, times) if seconds else _counted(programs, times)


def _by_mode(subject: Subject, mode: str | None) -> _Programs | str:
    """Return the programs of a function and a product by a mode, or why there is none."""
    problem = make_problem(
        subject.fn,
        subject.inputs,
        argnums=subject.argnums,
        has_aux=subject.has_aux,
        caller=subject.caller,
    )
    reading = read_program(problem, MODES)
    wanted = [mode] if mode else list(reversed(MODES))
    possible = next((one for one in wanted if one not in reading.stops), None)
    if possible is None:
        return f"{subject.name} has no derivative in {wanted[0]} mode: {reading.stops[wanted[0]]}"
    words = f"the derivative of {subject.name} in {possible} mode"
    return _Programs(*_programs(problem, possible), words, reading.advice)


def _programs(problem: Problem, mode: str) -> tuple[Program, Program]:
    with unwatched():
        probe = random_probe(problem, SEED)
    build = {"forward": jvp, "reverse": vjp}[mode]
    return Program(problem.fn, (problem.x, problem.fixed)), build(problem, probe)


def _counted(programs: _Programs, times: float) -> str:
    """Compare the numbers of operations, which are the same on every machine."""
    value, derivative = (flops(one.fn, *one.args) for one in programs[:2])
    unknown = [*value.unknown, *derivative.unknown]
    if unknown:
        raise ValueError(f"operations cannot be counted ({unknown[0]}): measure with seconds=True")
    if derivative.mean <= times * value.mean:
        return ""
    if not value.mean:
        raise ValueError("the function has no operations to count: measure with seconds=True")
    factor = units.times(derivative.mean / value.mean)
    numbers = f"{derivative.mean:,.0f} to {value.mean:,.0f}"
    head = f"{programs.words} takes {factor} times its operations ({numbers}), more than {times:g}"
    return "\n".join([head, *_cures(programs.advice)])


def _measured(programs: _Programs, subject: Subject, times: float) -> str:
    """Compare times; what the samples do not show is no failure."""
    left = time_left(subject.time_limit)
    try:
        with unwatched():
            calls = {
                name: compile_for(one.fn, one.args, limit=left()).call
                for name, one in (("value", programs.value), ("derivative", programs.derivative))
            }
            samples, failed = interleave(calls, budget=_BUDGET, seed=SEED, left=left)
    except CompileTimeoutError:
        return out_of_time(subject)
    for error in failed.values():
        raise error
    if len(samples) < len(calls):
        return out_of_time(subject)
    over = ratio(samples["derivative"], samples["value"])
    surely = over.least if over.low is None else over.low
    if surely <= times:
        return ""
    factor = f"{units.times(over.median)} times its time ({over.spread})"
    head = f"{programs.words} takes {factor}, more than {times:g}"
    return "\n".join([head, *_cures(programs.advice)])


def _cures(advice: tuple[Advice, ...]) -> list[str]:
    """Tell the advice that saves the most, or where to look for more."""
    if not advice:
        return ["gradwise.compare(fn, *inputs) says by which way it is cheapest, and why"]
    return [str(max(advice, key=lambda one: one.weight))]
