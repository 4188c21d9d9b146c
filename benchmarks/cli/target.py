"""The function that a user names on the command line."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path


def load_function(target: str) -> tuple[Callable[..., object], tuple]:
    """Call the function that `MODULE:FUNCTION` names, and return what it returns: `fn, inputs`.

    The module may lie in the working folder.

    Raises:
        ValueError: If `target` is not of this form, or there is no such module or function.
        TypeError: If the function does not return a pair whose first part is a function.

    Example:
        >>> load_function("my_model")
        Traceback (most recent call last):
        ValueError: 'my_model' is not MODULE:FUNCTION, such as my_model:loss
    """
    module_name, colon, name = target.partition(":")
    if not (module_name and colon and name):
        raise ValueError(f"{target!r} is not MODULE:FUNCTION, such as my_model:loss")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(f"no module {error.name!r} on the path or in {Path.cwd()}") from None
    function = getattr(module, name, None)
    if not callable(function):
        raise ValueError(f"{module_name} has no function {name!r}")
    returned = function()
    if not (isinstance(returned, tuple) and len(returned) == 2 and callable(returned[0])):
        raise TypeError(f"{target} must return (fn, inputs), it returned {type(returned).__name__}")
    fn, inputs = returned
    return fn, inputs if isinstance(inputs, tuple) else (inputs,)
