"""Load a package when a user asks `gradwise` for it: `import gradwise` alone loads none."""

import importlib
import sys
from typing import Any

from ._siblings import NAMES, install

#: Where names are that no package hands on; `benchmarks.graph` is the room, not the function.
_HOMES = {
    "graph": "benchmarks.graph.build",
    "load": "_load",
    "load_ipython_extension": "benchmarks.cli.magics",
    "structure": "benchmarks.structure.look",
}

install()


def __getattr__(name: str) -> Any:
    """Import the package, or what it hands on, the first time that `gradwise.name` is used."""
    if name in NAMES:
        return importlib.import_module(f"{__package__}.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__package__}.{_HOMES[name]}"), name)
    if name in __dir__():
        return getattr(importlib.import_module(f"{__package__}.benchmarks"), name)
    raise AttributeError(f"module {__package__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List what `gradwise` offers, for completion in an editor or a notebook."""
    return list(
        getattr(sys.modules[str(__package__)], "__all__", ())
    )  # not there while it is imported
