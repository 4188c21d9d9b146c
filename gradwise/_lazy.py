"""Load a package when a user asks `gradwise` for it: `import gradwise` alone loads none."""

import importlib
from typing import Any

from ._siblings import NAMES, install

#: What `benchmarks` defines and `gradwise` hands on.
FROM_BENCHMARKS = (
    "Candidate",
    "Comparison",
    "Crossover",
    "Difference",
    "Estimate",
    "Finding",
    "Flops",
    "METHODS",
    "Memory",
    "Method",
    "ModeLine",
    "Obstacle",
    "Ratio",
    "Residual",
    "Row",
    "SUITES",
    "Samples",
    "Scenario",
    "Verdict",
    "bounds",
    "compare",
    "diff",
    "flops",
    "obstacles",
    "residuals",
)

install()


def __getattr__(name: str) -> Any:
    """Import the package, or what it hands on, the first time that `gradwise.name` is used."""
    if name in NAMES:
        return importlib.import_module(f"{__package__}.{name}")
    if name == "load":
        return importlib.import_module(f"{__package__}._load").load
    if name in FROM_BENCHMARKS:
        return getattr(importlib.import_module(f"{__package__}.benchmarks"), name)
    raise AttributeError(f"module {__package__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """What `gradwise` offers, for completion in an editor or a notebook."""
    return sorted(("__version__", "load", *NAMES, *FROM_BENCHMARKS))
