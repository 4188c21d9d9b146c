"""What a derivative of a JAX function costs, by every way there is to take it."""

# pyright: reportUnsupportedDunderAll=false
# (what is named there is loaded when it is used; the stub beside this file declares it)
from ._lazy import __dir__, __getattr__

__all__ = [
    "METHODS",
    "SUITES",
    "Candidate",
    "Comparison",
    "Crossover",
    "Difference",
    "Estimate",
    "Finding",
    "Flops",
    "Memory",
    "Method",
    "ModeLine",
    "Obstacle",
    "Ratio",
    "Residual",
    "Row",
    "Samples",
    "Scenario",
    "Verdict",
    "bounds",
    "compare",
    "diff",
    "flops",
    "load",
    "obstacles",
    "residuals",
]
