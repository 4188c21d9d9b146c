"""Load what a user asks of `benchmarks` when it is asked for.

Reading a file of results loads no method, and looking at a program no neural network.
"""

import importlib

#: Where each public name is defined.
HOMES = {
    "METHODS": "derivatives.table",
    "SUITES": "scenarios.table",
    "Advice": "program.advice",
    "Candidate": "derivatives.candidate",
    "Checks": "testing.checks",
    "Comparison": "comparison.record",
    "Crossover": "comparison.findings",
    "Difference": "comparison.difference",
    "Differences": "comparison.differences",
    "Estimate": "instrument.statistics",
    "Explanation": "check.explanation",
    "Finding": "comparison.findings",
    "FunctionComparison": "comparison.functions",
    "FunctionRow": "comparison.function_row",
    "Flops": "program.count",
    "Graph": "graph.record",
    "Jacobian": "structure.record",
    "MadeBy": "comparison.made_by",
    "Memory": "instrument.memory",
    "Method": "derivatives.method",
    "ModeLine": "comparison.findings",
    "Obstacle": "program.messages",
    "Operator": "structure.forms.operators",
    "Ratio": "instrument.statistics",
    "Residual": "program.residuals",
    "Rival": "structure.printed",
    "Row": "comparison.row",
    "Samples": "instrument.samples",
    "Scenario": "scenarios.scenario",
    "Side": "comparison.difference",
    "Sketch": "structure.drawing.sketch",
    "Structure": "structure.structured",
    "Verdict": "comparison.findings",
    "bounds": "derivatives.table",
    "compare": "comparison.compare",
    "compare_functions": "comparison.side_by_side",
    "derivative": "derivatives.by_method",
    "diff": "comparison.diff",
    "explain_nonfinite": "comparison.nonfinite",
    "flops": "program.flops",
    "hessian": "structure.jacobian",
    "jacobian": "structure.jacobian",
    "load": "_load",
    "obstacles": "program.obstacles",
    "residuals": "program.residuals",
}

NAMES = sorted(HOMES)


def __getattr__(name: str) -> object:
    """Import what `benchmarks.name` is, the first time that it is used."""
    if name not in HOMES:
        raise AttributeError(f"module {__package__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__package__}.{HOMES[name]}"), name)


def __dir__() -> list[str]:
    """List what `benchmarks` offers, for completion in an editor or a notebook."""
    return list(NAMES)
