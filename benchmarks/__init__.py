"""What a derivative of a JAX function costs, by every way there is to take it."""

from .comparison.compare import compare
from .comparison.record import Comparison, Finding, Row, Verdict
from .derivatives import METHODS, Candidate, Method
from .scenarios import SUITES, Scenario

__all__ = [
    "METHODS",
    "SUITES",
    "Candidate",
    "Comparison",
    "Finding",
    "Method",
    "Row",
    "Scenario",
    "Verdict",
    "compare",
]
