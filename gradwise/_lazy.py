"""Load a package when a user asks `gradwise` for it: `import gradwise` alone loads none."""

import importlib
from typing import Any

from ._siblings import NAMES, install

#: Which of the packages has a name that `gradwise` hands on.
HANDED_ON = {
    "Candidate": "benchmarks",
    "Comparison": "benchmarks",
    "Finding": "benchmarks",
    "METHODS": "benchmarks",
    "Method": "benchmarks",
    "Row": "benchmarks",
    "SUITES": "benchmarks",
    "Scenario": "benchmarks",
    "Verdict": "benchmarks",
    "compare": "benchmarks",
}

install()


def __getattr__(name: str) -> Any:
    """Import the package, or what it hands on, the first time that `gradwise.name` is used."""
    if name in NAMES:
        return importlib.import_module(f"{__package__}.{name}")
    if name in HANDED_ON:
        return getattr(importlib.import_module(f"{__package__}.{HANDED_ON[name]}"), name)
    raise AttributeError(f"module {__package__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """What `gradwise` offers, for completion in an editor or a notebook."""
    return sorted(("__version__", *NAMES, *HANDED_ON))
