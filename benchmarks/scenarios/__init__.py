"""The suites of scenarios, and what a scenario is."""

from collections.abc import Callable

from . import adbench, helmholtz, hessian, jacobian, lecture, memory, pathologies
from .scenario import Candidate, Cases, Scenario

#: The suites by name: `SUITES[name](size)` gives its cases.
SUITES: dict[str, Callable[..., Cases]] = {
    "lecture": lecture.cases,
    "jacobian": jacobian.cases,
    "memory": memory.cases,
    "hessian": hessian.cases,
    "helmholtz": helmholtz.cases,
    "adbench": adbench.cases,
    "pathologies": pathologies.cases,
}

__all__ = ["SUITES", "Candidate", "Cases", "Scenario"]
