"""Find gradwise's own `nn`, `losses`, `train` and `benchmarks`, whoever else has these names.

`gradwise.nn` is the module `nn` itself wherever `import nn` leads to ours. Where it leads to a file
of the user's, ours is loaded under the name `gradwise.nn` instead, and `nn` stays the user's.
"""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

NAMES = ("nn", "losses", "train", "benchmarks")
_ROOT = Path(__file__).resolve().parent.parent
_PREFIX = f"{__package__}."


@cache
def is_ours(name: str) -> bool:
    """Whether `import name` gives this project's package; asked once, so the answer stays."""
    module = sys.modules.get(name)
    try:
        spec = importlib.util.find_spec(name) if module is None else None
    except (ImportError, ValueError):  # the finder of somebody else's gave up
        return False
    file = getattr(module, "__file__", None) or getattr(spec, "origin", None)
    return file is not None and Path(file).resolve() == _ROOT / name / "__init__.py"


class _Alias(Loader):
    """Load `gradwise.nn` by handing out the module `nn`; likewise for what is inside it."""

    def __init__(self, plain: str) -> None:
        self._plain = plain
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._plain)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # the import system has just replaced it by the alias's


class _Finder(MetaPathFinder):
    """Answer for `gradwise.nn`, `gradwise.train.metrics` and the like."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        plain = fullname.removeprefix(_PREFIX)
        name, _, inner = plain.partition(".")
        if plain == fullname or name not in NAMES:
            return None
        if is_ours(name):
            return ModuleSpec(fullname, _Alias(plain))
        if inner:
            return None  # an ordinary module inside a package that is loaded under our name
        folder = _ROOT / name
        return importlib.util.spec_from_file_location(
            fullname, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )


def install() -> None:
    """Let `import gradwise.nn` and its like find our packages; a second call changes nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
