"""Find the user's source line of an equation or an error.

Lines of JAX, NumPy, Python and gradwise are skipped.
"""

import itertools
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import jax
import jaxlib
import numpy as np
from jax.extend.core import JaxprEqn

#: File, line and function of a call.
_Frame: TypeAlias = tuple[str, int | None, str]

_JAX = tuple(str(Path(str(module.__file__)).parent) for module in (jax, jaxlib))
_NUMPY = str(Path(str(np.__file__)).parent)
_STANDARD_LIBRARY = sysconfig.get_path("stdlib")
_OURS = str(Path(__file__).parents[1])
_SCENARIOS = str(Path(__file__).parents[1] / "scenarios")


def is_ours(path: str) -> bool:
    """Whether a file is one of this package; its scenarios count as the user's."""
    return path.startswith(_OURS) and not is_scenarios(path)


def is_scenarios(path: str) -> bool:
    """Whether a file is one of the scenarios."""
    return path.startswith(_SCENARIOS)


def is_jaxs(path: str) -> bool:
    """Whether a file is one of JAX."""
    return path.startswith(_JAX)


def is_users(path: str) -> bool:
    """Whether a file is the user's, or of a library that the user has chosen."""
    installed = path.startswith(_STANDARD_LIBRARY) and "site-packages" not in path
    others = is_ours(path) or is_jaxs(path) or path.startswith((_NUMPY, "<frozen"))
    return not installed and not others


def is_own(path: str) -> bool:
    """Whether a file is the user's and not of a library that is installed."""
    installed = "site-packages" in path or "dist-packages" in path
    return is_users(path) and (is_scenarios(path) or not installed)


def shown(path: str, line: int | str | None, function: str) -> str:
    """Write a line as it is told: `file.py:12 (function)`."""
    return f"{Path(path).name}:{line} ({function})"


def line_of(eqn: JaxprEqn, caller: str = "") -> str:
    """Return the user's line that asked for an equation.

    The equations of a library carry no line of the user's own; they get that of their `caller`.
    """
    stack = eqn.source_info.traceback
    own, of_library = _lines_of_stack(stack) if stack else ("", "")
    return own or caller or of_library


@lru_cache(maxsize=4096)  # the equations that one line makes share one stack
def _lines_of_stack(stack: Any) -> tuple[str, str]:
    return _lines((f.file_name, f.line_num, f.function_name) for f in stack.frames)


def line_of_error(error: BaseException) -> str:
    """Return the user's line that an exception passed through, `""` if none.

    Where JAX differentiates a program that it has already read, the line is not on the stack: JAX
    attaches the stack of the operation as a cause of the exception.
    """
    for link in reversed(list(_chain(error))):
        stack = traceback.extract_tb(link.__traceback__)
        own, of_library = _lines((f.filename, f.lineno, f.name) for f in reversed(stack))
        if own or of_library:
            return own or of_library
    return ""


def _lines(frames: Iterable[_Frame]) -> tuple[str, str]:
    """Return the innermost line of the user's own, and that of a library of the user's choice.

    Args:
        frames: File, line and function, the innermost first; those that called gradwise are not
            the function's.
    """
    called = itertools.takewhile(lambda frame: not is_ours(frame[0]), frames)
    users = [frame for frame in called if is_users(frame[0])]
    own = next((shown(*frame) for frame in users if is_own(frame[0])), "")
    library = next((shown(*frame) for frame in users if not is_own(frame[0])), "")
    return own, library


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exception and, one after the other, its causes."""
    while error is not None:
        yield error
        error = error.__cause__
