"""Import what only some users have installed.

`train` and `benchmarks` import nothing of one another, so each of them has this file; a test holds
that the two are one text.
"""

from __future__ import annotations

import importlib
from typing import Any


def import_extra(module: str, extra: str) -> Any:
    """Return the module of this name.

    Args:
        module: Its full name.
        extra: The optional dependencies of gradwise that bring it.

    Raises:
        ImportError: If it is not installed; the message says how to install it.

    Example:
        >>> import_extra("no_such_module", "train")
        Traceback (most recent call last):
        ImportError: this needs no_such_module: pip install "gradwise[train]"
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        raise ImportError(f'this needs {package}: pip install "gradwise[{extra}]"') from error
