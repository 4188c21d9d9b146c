"""The function that a user names on the command line."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ..derivatives.choice import meant, unknown
from ..program.source import line_of_error

_FORM = "MODULE:FUNCTION or FILE.py:FUNCTION, such as my_model:loss"


def load_case(
    target: str, allowed: Sequence[str]
) -> tuple[Callable[..., object], tuple, dict[str, Any]]:
    """Call the function that `target` names, and return `fn, inputs, options`.

    `MODULE:FUNCTION` may lie in the working folder; `path/to/FILE.py:FUNCTION` may lie anywhere,
    and can import what lies beside it. The function may return `fn, inputs` alone; options are a
    dictionary from their names.

    Args:
        target: What the user names.
        allowed: The options that there are.

    Raises:
        ValueError: If `target` is of neither form, there is no such module, file or function, or
            an option is unknown.
        TypeError: If the function takes arguments, or returns nothing of this kind.

    Example:
        >>> load_case("my_model", ["argnums"])
        Traceback (most recent call last):
        ValueError: 'my_model' is not MODULE:FUNCTION or FILE.py:FUNCTION, such as my_model:loss
    """
    returned = _returned(target)
    pair, rest = (returned[:2], returned[2:]) if isinstance(returned, tuple) else ((), ())
    options = rest[0] if len(rest) == 1 else {}
    fits = len(pair) == 2 and callable(pair[0]) and len(rest) <= 1 and isinstance(options, dict)
    if not fits:
        raise TypeError(
            f"{target} must return (fn, inputs) or (fn, inputs, options), such as "
            f"(loss, (w, x), {{'argnums': 0}}), it returned {_said(returned)}"
        )
    for option in options:
        if option not in allowed:
            raise ValueError(f"{target} returned an {unknown('option', str(option), allowed)}")
    return (*_case(pair), dict(options))


def _said(returned: object) -> str:
    """Say what was returned: of a tuple, what it holds."""
    if isinstance(returned, tuple):
        return f"({', '.join(type(part).__name__ for part in returned)})"
    return type(returned).__name__


def _case(pair: tuple) -> tuple[Callable[..., object], tuple]:
    fn, inputs = pair
    return fn, inputs if isinstance(inputs, tuple) else (inputs,)


def _returned(target: str) -> object:
    """Return what the function that a user names returns."""
    where, colon, name = target.rpartition(":")
    if not (where and colon and name):
        raise ValueError(f"{target!r} is not {_FORM}")
    return _function(_module(where), where, name)()


def _module(where: str) -> ModuleType:
    """Import a module by its name or by the path of its file."""
    try:
        return _from_file(Path(where)) if where.endswith(".py") else _by_name(where)
    except ModuleNotFoundError as error:
        line = line_of_error(error)
        place = f"{line} imports it" if line else f"not on the path or in {Path.cwd()}"
        raise ValueError(f"no module {error.name!r}: {place}") from error
    except SyntaxError as error:
        file = Path(error.filename or where).name
        raise ValueError(f"{file}:{error.lineno} is not Python: {error.msg}") from error
    except SystemExit as error:
        raise ValueError(
            f"{where} exits when it is imported, at {line_of_error(error)}: let it do so only "
            'if __name__ == "__main__"'
        ) from error


def _by_name(name: str) -> ModuleType:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    return importlib.import_module(name)


def _from_file(path: Path) -> ModuleType:
    """Run a file as a module, under a name that no other module has."""
    if not path.is_file():
        raise ValueError(f"no such file: {path}")
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    name = path.stem if path.stem not in sys.modules else f"{path.stem} of {folder}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _function(module: ModuleType, where: str, name: str) -> Callable[[], object]:
    """Return a function of a module that can be called without arguments."""
    function = getattr(module, name, None)
    if not callable(function):
        names = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        raise ValueError(f"{where} has no function {name!r}{meant(name, names)}")
    try:
        inspect.signature(function).bind()
    except TypeError:
        raise TypeError(
            f"{where}:{name} takes arguments: name a function without any that returns "
            f"(fn, inputs), such as def case(): return {name}, (x,)"
        ) from None
    return function
