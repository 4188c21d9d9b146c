"""Find gradwise's own `nn`, `losses`, `train` and `benchmarks`, whoever else has these names.

Ours are loaded as `gradwise.nn` and so on, and the plain names stay free: a module `train` that the
user puts on the path later is the user's. `import nn` gives `gradwise.nn` itself wherever it leads
to our files, and `gradwise.nn` is `nn` where `nn` was imported first.
"""

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

NAMES = ("nn", "losses", "train", "benchmarks")
_ROOT = Path(__file__).resolve().parent.parent
_PREFIX = f"{__package__}."


class _Alias(Loader):
    """Load a module of ours under its other name: hand out the module that is loaded already."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # the import system has just replaced it by the alias's


class _Finder(MetaPathFinder):
    """Answer for `gradwise.nn` and `nn`, `gradwise.nn.layer` and `nn.layer`, and so on."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        plain = fullname.removeprefix(_PREFIX)
        name = plain.partition(".")[0]
        if name not in NAMES:
            return None
        loaded = _loaded(name)
        first = loaded.__name__ if loaded else f"{_PREFIX}{name}"  # the name that it is loaded by
        other = plain if first == name else f"{_PREFIX}{plain}"
        if plain == fullname and not self._leads_to_ours(name, loaded, path, inner=plain != name):
            return None
        if fullname != other:
            return ModuleSpec(fullname, _Alias(other))
        # Not by pytest's finder, which compiles each module of a plugin anew to rewrite asserts.
        return PathFinder.find_spec(fullname, [str(_ROOT)] if plain == name else path)

    def _leads_to_ours(
        self, name: str, loaded: ModuleType | None, path: Sequence[str] | None, *, inner: bool
    ) -> bool:
        """Whether `import name` gives our package, by what is loaded or by all other finders."""
        if inner:
            return loaded is not None and sys.modules.get(name) is loaded
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path)
                if spec is not None:
                    return _is_our_file(name, spec.origin)
        return False


def _loaded(name: str) -> ModuleType | None:
    """Return our package of this name if it is loaded, under whichever of its names."""
    ours, plain = sys.modules.get(f"{_PREFIX}{name}"), sys.modules.get(name)
    return ours or (plain if _is_our_file(name, getattr(plain, "__file__", None)) else None)


def _is_our_file(name: str, file: str | None) -> bool:
    return file is not None and Path(file).resolve() == _ROOT / name / "__init__.py"


def install() -> None:
    """Let `import` ask our finder first, in place of one that an earlier load has left there."""
    kind = f"{_Finder.__module__}.{_Finder.__qualname__}"
    others = [f for f in sys.meta_path if f"{type(f).__module__}.{type(f).__qualname__}" != kind]
    sys.meta_path[:] = [_Finder(), *others]
