"""A function as the asserts look at it: checked in float64, and nothing of it timed."""

from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import NamedTuple

from ..comparison.asked import Settings
from ..comparison.experiment import make_experiment
from ..comparison.reading import read_program
from ..comparison.work import Work
from ..derivatives.method import GaveUpError
from ..derivatives.problem import make_problem
from ..instrument import units
from ..instrument.clock import time_left
from ..instrument.deadline import TimeUpError, stopped_after
from ..instrument.interrupts import never_dropped
from ..instrument.unwatched import unwatched
from ..program.arguments import Argnums
from ..program.names import line_of_function, name_of

#: Draws the directions: the same ones in each run, so that a test does not flicker.
SEED = 0
#: The modes of JAX.
MODES = ("forward", "reverse")
#: Seconds that methods would be measured for, which none of them is.
_BUDGET = 10.0


class Subject(NamedTuple):
    """What is asserted of: a function, its inputs, and how it is differentiated.

    Attributes:
        fn: The function.
        inputs: Its arguments.
        argnums: The arguments to differentiate; `None` for every one that holds floats.
        has_aux: Whether the function returns a pair, of which the first alone is differentiated.
        time_limit: Seconds that an assert may take.
        caller: The assert, for errors.
    """

    fn: Callable[..., object]
    inputs: tuple
    argnums: Argnums
    has_aux: bool
    time_limit: float
    caller: str

    @property
    def name(self) -> str:
        """What the function is called, and where it is written."""
        name, line = name_of(self.fn), line_of_function(self.fn)
        return name if not line or line in name else f"{name} ({line})"


def check_mode(mode: str | None) -> None:
    """Raise on a mode that there is not.

    Raises:
        ValueError: If it is none.

    Example:
        >>> check_mode("backward")
        Traceback (most recent call last):
        ValueError: mode must be forward, reverse or None, got 'backward'
    """
    if mode not in (None, *MODES):
        raise ValueError(f"mode must be forward, reverse or None, got {mode!r}")


def check_time_limit(seconds: object) -> None:
    """Raise on what is no time limit.

    Raises:
        ValueError: If it is no positive number.

    Example:
        >>> check_time_limit(-1)
        Traceback (most recent call last):
        ValueError: time_limit must be a positive number of seconds, got -1
    """
    if isinstance(seconds, bool) or not isinstance(seconds, Real) or not float(seconds) > 0:
        raise ValueError(f"time_limit must be a positive number of seconds, got {seconds!r}")


def out_of_time(subject: Subject) -> str:
    """Say that there was too little time."""
    limit = units.seconds(subject.time_limit)
    return f"{subject.name} could not be checked within {limit}: give it more by time_limit="


def look(subject: Subject, *, rule: str = "check") -> Work | None:
    """Read and check a function; `None` if that takes longer than its time.

    Args:
        subject: The function.
        rule: What a custom rule of the user's is: something to `"check"`, or the truth to
            `"trust"`.
    """
    settings = Settings(["value"], (), 1, _BUDGET, subject.time_limit, SEED, False, rule)
    left = time_left(subject.time_limit)
    try:
        with never_dropped(), unwatched():
            return stopped_after(left(), partial(_looked, subject, settings, left), "checking")
    except (GaveUpError, TimeUpError):
        return None


def _looked(subject: Subject, settings: Settings, left: Callable[[], float]) -> Work:
    problem = make_problem(
        subject.fn,
        subject.inputs,
        argnums=subject.argnums,
        has_aux=subject.has_aux,
        caller=subject.caller,
    )
    work = Work(problem, settings, left, lambda stage, share: None)
    work.reading = read_program(problem, MODES)
    work.experiment = make_experiment(
        problem,
        work.reading,
        order=1,
        budget=settings.budget,
        seed=settings.seed,
        left=left,
        rule=settings.rule,
        entries=False,
    )
    return work
