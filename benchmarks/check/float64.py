"""A problem in float64: the program that was traced in its own types, with its floats widened."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from ..derivatives.method import Probe
from ..derivatives.problem import Leaves, Output, Problem
from ..program.messages import our_fault
from ..program.platforms import default_platform, platform_of
from ..program.wide_values import wide, wide_operation
from ..program.widening import Operation, Stripped, widened
from .directions import UNHURRIED, Pace

#: Whether this thread computes a problem in float64, as it was widened, whatever its own types are.
_WIDE = ContextVar("wide", default=False)
#: The platforms whose devices have float64; elsewhere checks run on the CPU.
_WITH_FLOAT64 = ("cpu", "gpu", "cuda", "rocm")


def with_float64(problem: Problem) -> Problem:
    """Return a problem that knows its function in float64, or why there is none.

    The program is traced once in its own types: random draws, casts and carries are the function's,
    as they are timed, whatever another trace in float64 would give.
    """
    if problem.wide or problem.float64_obstacle:
        return problem
    try:
        program = own_program(problem)
        run = widened(program)
        with checking():
            traced = jax.make_jaxpr(run)(*_wide((*problem.x, *problem.fixed)))
        wide = as_function(jaxpr_as_fun(traced), problem)
        return problem._replace(program=program, wide=wide)
    except Exception as error:  # then it is checked in its own type
        return problem._replace(float64_obstacle=our_fault("take it in float64", error))


def own_program(problem: Problem) -> ClosedJaxpr:
    """Return the program of a problem in its own types."""
    return problem.program or jax.make_jaxpr(problem.fn)(problem.x, problem.fixed)


def without(problem: Problem, stripped: Stripped) -> Callable[[Leaves, Leaves], Output]:
    """Return the function in float64 without some custom rules or `stop_gradient`s."""
    return as_function(widened(own_program(problem), stripped), problem)


def as_function(
    run: Callable[..., Sequence[Any]], problem: Problem
) -> Callable[[Leaves, Leaves], Output]:
    """Return a function of flat inputs to flat outputs in the form of a problem's."""

    def fn(x: Leaves, fixed: Leaves) -> Output:
        results = run(*x, *fixed)
        return results[0] if problem.scalar else tuple(results)

    return fn


@contextmanager
def checking() -> Iterator[None]:
    """Compute in float64, on a device that has it."""
    elsewhere = default_platform() not in _WITH_FLOAT64
    place = jax.default_device(jax.devices("cpu")[0]) if elsewhere else nullcontext()
    with jax.enable_x64(True), place:
        yield


@contextmanager
def in_float64(problem: Problem, probe: Probe) -> Iterator[tuple[Problem, Probe]]:
    """Yield the same point and directions in float64, in 64-bit mode, where that is possible.

    Where something is in the way of float64, they are yielded as they are. Matrix products are of
    the highest precision either way.
    """
    problem = with_float64(problem)
    if problem.wide is None:
        with jax.default_matmul_precision("highest"):
            yield problem, probe
        return
    with checking():
        x, fixed, tangent = map(_wide, (problem.x, problem.fixed, probe.tangent))
        cotangent = jax.tree.map(wide, probe.cotangent)
        before = _WIDE.set(True)
        try:
            yield problem._replace(fn=problem.wide, x=x, fixed=fixed), Probe(tangent, cotangent)
        finally:
            _WIDE.reset(before)


def is_wide() -> bool:
    """Whether a problem is computed in float64 here, also where its inputs are float64 anyway.

    Parts of its program are then to be taken as they were widened: they may be of other types.
    """
    return _WIDE.get()


def run_in_float64(
    program: ClosedJaxpr,
    args: Sequence[Any],
    pace: Pace = UNHURRIED,
    operation: Operation = wide_operation,
) -> list[Any]:
    """Run any program at its flat arguments, with its floats widened and each operation by this."""
    run = widened(program, operation=operation)
    with checking():
        return pace.run(run, *_wide(args))


def _wide(leaves: Sequence[Any]) -> tuple[Any, ...]:
    """Return leaves in their wide types where they lie, or on a CPU if float64 is not there."""
    if platform_of(leaves) not in _WITH_FLOAT64:
        leaves = jax.device_put(list(leaves), jax.devices("cpu")[0])
    return tuple(wide(leaf) for leaf in leaves)
