"""Trace a function, and do the work of its comparison within the time that there is."""

from collections.abc import Callable
from functools import partial

from ..derivatives.problem import Problem, make_problem
from ..instrument.clock import time_left
from ..instrument.deadline import TimeUpError, stopped_after
from ..instrument.interrupts import never_dropped
from ..instrument.unwatched import unwatched
from ..program.arguments import Argnums
from .asked import Settings
from .work import OnProgress, Work

#: Seconds after the time limit at which work is stopped that has not ended by itself.
_GRACE = 0.5


def worked(
    fn: Callable[..., object],
    inputs: tuple,
    settings: Settings,
    *,
    argnums: Argnums,
    has_aux: bool = False,
    on_progress: OnProgress | None = None,
) -> tuple[Work, BaseException | None]:
    """Try and measure all methods of one function; return that and what ended it early.

    Args:
        fn: The function.
        inputs: Its arguments.
        settings: What is asked for.
        argnums: The arguments to differentiate.
        has_aux: Whether the function returns a pair, of which the first alone is differentiated.
        on_progress: Told what is being done.
    """
    left, order = time_left(settings.time_limit), settings.order
    # A key among the inputs is drawn from in every call.
    with never_dropped(), unwatched():
        problem = _problem(fn, inputs, argnums=argnums, has_aux=has_aux, order=order, left=left)
        work = Work(problem, settings, left, on_progress or (lambda stage, share: None))
        try:
            stopped_after(left() + _GRACE, work.do, "comparing")
        except (TimeUpError, KeyboardInterrupt) as caught:
            return work, caught
    return work, None


def _problem(
    fn: Callable[..., object],
    inputs: tuple,
    *,
    argnums: Argnums,
    has_aux: bool,
    order: int,
    left: Callable[[], float],
) -> Problem:
    """Trace the function, as long as there is time."""
    try:
        make = partial(make_problem, fn, inputs, argnums=argnums, has_aux=has_aux)
        problem = stopped_after(left(), make, "tracing the function")
    except TimeUpError as error:
        raise TimeoutError(f"{error}: time_limit must be longer") from None
    if order == 2 and not problem.scalar:
        raise ValueError(
            f"order=2 takes Hessians of scalar functions; this one has {problem.m} outputs: "
            "compare one of them, or a sum"
        )
    return problem
