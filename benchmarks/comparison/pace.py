"""How long a call of the function takes, and how checks are run within the time that is left."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from ..check.directions import Pace
from ..derivatives.method import GaveUpError
from ..derivatives.problem import Problem
from ..instrument.compile import CompileTimeoutError, compile_for
from ..instrument.deadline import TimeUpError, within
from ..instrument.timing import run_once

#: Calls of which the fastest is planned with; one interruption must not decide.
_CALLS = 3
#: Of the time left, the share that the first look at a function may take, and a call after that.
_SHARE, _AGAIN = 0.25, 0.02


class Look(NamedTuple):
    """What a first look at the function itself tells, to plan with.

    Attributes:
        seconds: Wall seconds of a call, the least of a few; `None` if none ended.
        at_least: Seconds that a call takes at least.
        compile_seconds: Seconds from Python to executable.
        why: Why no call ended, if time is the reason.
    """

    seconds: float | None = None
    at_least: float = 0.0
    compile_seconds: float = 0.0
    why: str = ""


class Planned(NamedTuple):
    """What the first few calls of a program took, to plan with; it is no measurement.

    Attributes:
        seconds: The least wall seconds of a call.
        calls: How many calls there were.
        result: What the first one returned.
    """

    seconds: float
    calls: int
    result: object


def look_at(problem: Problem, left: Callable[[], float]) -> Look:
    """Compile the function and call it, within a share of the time that is left."""
    limit = _SHARE * left()
    try:
        compiled = compile_for(problem.fn, (problem.x, problem.fixed), limit=limit)
    except CompileTimeoutError as error:
        return Look(why=f"{error} for the function itself")
    seconds = compiled.total_seconds
    try:
        taken = least_of_calls(compiled.call, limit, left).seconds
    except TimeUpError as error:
        return Look(None, limit, seconds, str(error))
    except Exception:  # whatever it is, the check or the row of the function tells
        return Look(None, 0.0, seconds)
    return Look(taken, taken, seconds)


def least_of_calls(call: Callable[[], object], limit: float, left: Callable[[], float]) -> Planned:
    """Call a program up to three times.

    A call that takes more than a fiftieth of the time that is left is not made again.

    Raises:
        TimeUpError: If the first one takes longer than `limit`.
    """
    seconds, result = within(limit, lambda: run_once(call), "one call")
    calls = 1
    while calls < _CALLS and seconds < _AGAIN * left():
        seconds = min(seconds, run_once(call)[0])
        calls += 1
    return Planned(seconds, calls, result)


def pace_of(left: Callable[[], float]) -> Pace:
    """Return the pace at which checks run: compiled once a process, and stopped in time.

    Example:
        >>> import jax.numpy as jnp
        >>> pace_of(lambda: 60.0).run(jnp.sin, jnp.zeros(2))
        Array([0., 0.], dtype=float32)
        >>> try:
        ...     pace_of(lambda: -1.0).run(jnp.cos, jnp.zeros(2))
        ... except GaveUpError as error:
        ...     print(error)
        there was no time left for compiling
    """

    def prepare(fn: Callable[..., Any], args: tuple) -> Callable[..., Any]:
        try:
            executable = compile_for(fn, args, limit=left()).executable
        except CompileTimeoutError as error:
            raise GaveUpError(str(error)) from None

        def call(*args: object) -> Any:
            try:
                return within(left(), lambda: jax.block_until_ready(executable(*args)), "a check")
            except TimeUpError as error:
                raise GaveUpError(str(error)) from None

        return call

    return Pace(prepare, left)
