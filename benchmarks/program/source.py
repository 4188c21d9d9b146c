"""Find the user's source line of an equation or an error.

Lines of JAX, NumPy, Python and gradwise are skipped.
"""

import re
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

import jax
import jaxlib
import numpy as np
from jax.extend import source_info_util
from jax.extend.core import JaxprEqn

_SUMMARY = re.compile(r"(?P<path>.+?):(?P<line>\d+)(:\d+)? \((?P<function>.*)\)$")
_JAX = tuple(str(Path(str(module.__file__)).parent) for module in (jax, jaxlib))
_NUMPY = str(Path(str(np.__file__)).parent)
_STANDARD_LIBRARY = sysconfig.get_path("stdlib")
_OURS = str(Path(__file__).parents[1])
_SCENARIOS = str(Path(__file__).parents[1] / "scenarios")


def is_ours(path: str) -> bool:
    """Whether a file is one of this package; its scenarios count as the user's."""
    return path.startswith(_OURS) and not path.startswith(_SCENARIOS)


def is_jaxs(path: str) -> bool:
    """Whether a file is one of JAX."""
    return path.startswith(_JAX)


def is_users(path: str) -> bool:
    """Whether a file is the user's, or of a library that the user has chosen."""
    installed = path.startswith(_STANDARD_LIBRARY) and "site-packages" not in path
    others = is_ours(path) or is_jaxs(path) or path.startswith((_NUMPY, "<frozen"))
    return not installed and not others


def shown(path: str, line: int | str | None, function: str) -> str:
    """Write a line as it is told: `file.py:12 (function)`."""
    return f"{Path(path).name}:{line} ({function})"


def line_of(eqn: JaxprEqn, caller: str = "") -> str:
    """Return the innermost line of the user's that asked for an equation.

    The equations of a library function carry no such line; they get that of their `caller`.
    """
    match = _SUMMARY.match(source_info_util.summarize(eqn.source_info))
    return shown(**match.groupdict()) if match and is_users(match["path"]) else caller


def line_of_error(error: BaseException) -> str:
    """Return the innermost line of the user's that an exception passed through, `""` if none.

    Where JAX differentiates a program that it has already read, the line is not on the stack: JAX
    attaches the stack of the operation as a cause of the exception.
    """
    for link in reversed(list(_chain(error))):
        frames = [f for f in traceback.extract_tb(link.__traceback__) if is_users(f.filename)]
        if frames:
            last = frames[-1]
            return shown(last.filename, last.lineno, last.name)
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exception and, one after the other, its causes."""
    while error is not None:
        yield error
        error = error.__cause__
