"""The suites of scenarios, and what a scenario is."""

from collections.abc import Callable

from . import adbench, lecture
from .scenario import Candidate, Cases, Scenario

#: The suites by name: `SUITES[name](size)` gives its cases.
SUITES: dict[str, Callable[..., Cases]] = {
    "lecture": lecture.cases,
    "adbench": adbench.cases,
}

__all__ = ["SUITES", "Candidate", "Cases", "Scenario"]
