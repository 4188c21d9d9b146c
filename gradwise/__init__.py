"""Neural networks in JAX as pure functions, and what a derivative costs, why, and which to take.

`gradwise.nn`, `gradwise.losses` and `gradwise.train` are the networks and their training;
`gradwise.compare(fn, *inputs)` compares every way to take a function's derivative.
"""

# pyright: reportUnsupportedDunderAll=false
# (what is named there is loaded when it is used; the stub beside this file declares it)
from ._lazy import __dir__, __getattr__

__version__ = "0.2.0"
__all__ = [
    "METHODS",
    "SUITES",
    "Advice",
    "Candidate",
    "Checks",
    "Comparison",
    "Crossover",
    "Difference",
    "Differences",
    "Estimate",
    "Explanation",
    "Finding",
    "Flops",
    "FunctionComparison",
    "FunctionRow",
    "Graph",
    "Jacobian",
    "MadeBy",
    "Memory",
    "Method",
    "ModeLine",
    "Obstacle",
    "Operator",
    "Ratio",
    "Residual",
    "Rival",
    "Row",
    "Samples",
    "Scenario",
    "Side",
    "Sketch",
    "Structure",
    "Verdict",
    "__version__",
    "benchmarks",
    "bounds",
    "compare",
    "compare_functions",
    "derivative",
    "diff",
    "explain_nonfinite",
    "flops",
    "graph",
    "hessian",
    "jacobian",
    "load",
    "losses",
    "nn",
    "obstacles",
    "residuals",
    "structure",
    "train",
]
