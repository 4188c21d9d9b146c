"""Find the user's source line of an equation or an error, and a library's beside it.

Lines of JAX, NumPy, Python and gradwise are skipped. A user's own line is in no installed package,
nor in the layers and losses of gradwise; the line of such a library stands behind it.
"""

import itertools
import os
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from types import TracebackType
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
_LAYERS = tuple(f"{Path(__file__).parents[2] / name}{os.sep}" for name in ("nn", "losses", "train"))
#: What stands between a user's line and that of the library that it calls.
_BESIDE = " (in "


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
    installed = "site-packages" in path or "dist-packages" in path or path.startswith(_LAYERS)
    return is_users(path) and (is_scenarios(path) or not installed)


def file_name(path: str) -> str:
    """Return a file's name; a cell of a notebook is in a file that no reader has seen.

    Example:
        >>> file_name("/home/me/fit.py"), file_name("/tmp/ipykernel_12/3456.py")
        ('fit.py', 'notebook')
    """
    return "notebook" if "ipykernel" in path or "ipython-input" in path else Path(path).name


def shown(path: str, line: int | str | None, function: str) -> str:
    """Write a line as it is told: `file.py:12 (function)`."""
    return f"{file_name(path)}:{line} ({function})"


def _in_library(path: str, line: int | str | None, function: str) -> str:
    """Write a library's line by its package: `diffrax/_ad.py:1107 (loop)`."""
    parts = Path(path).parts
    roots = [i for i, part in enumerate(parts) if "site-packages" in part or "dist-" in part]
    start = roots[-1] + 1 if roots else len(Path(__file__).parents[2].parts)
    return f"{'/'.join(parts[start:])}:{line} ({function})"


def beside(line: str, library: str) -> str:
    """Write a user's line with that of a library behind it, or either where there is one.

    Example:
        >>> beside("fit.py:12 (loss)", "diffrax/_ad.py:1107 (loop)")
        'fit.py:12 (loss) (in diffrax/_ad.py:1107)'
    """
    if not (line and library):
        return line or library
    return f"{line.split(_BESIDE)[0]}{_BESIDE}{library.split(' (')[0]})"


def package_of(line: str) -> str:
    """Return the library of a line, `""` for a line of the user's alone.

    Example:
        >>> package_of("fit.py:12 (loss) (in diffrax/_ad.py:1107)")
        'diffrax'
    """
    library = line.rpartition(_BESIDE)[2] if _BESIDE in line else line
    package, slash, _ = library.partition("/")
    return package if slash else ""


def line_of(eqn: JaxprEqn, caller: str = "") -> str:
    """Return the user's line that asked for an equation, and that of the library in between.

    The equations of a library may carry no line of the user's own; they get that of their `caller`.
    """
    stack = eqn.source_info.traceback
    own, of_library = _lines_of_stack(stack) if stack else ("", "")
    return beside(own or caller, of_library)


def functions_of_jax(eqn: JaxprEqn) -> tuple[str, ...]:
    """Return the functions of JAX between the line that asked for an equation and the equation.

    The equation of a root inside of `jnp.linalg.norm` gives `"norm"` among others.
    """
    stack = eqn.source_info.traceback
    frames = stack.frames if stack else ()
    inner = itertools.takewhile(lambda frame: is_jaxs(frame.file_name), frames)
    return tuple(frame.function_name for frame in inner)


@lru_cache(maxsize=4096)  # the equations that one line makes share one stack
def _lines_of_stack(stack: Any) -> tuple[str, str]:
    return _lines((f.file_name, f.line_num, f.function_name) for f in stack.frames)


def line_of_error(error: BaseException) -> str:
    """Return the user's line that an exception passed through, a library's beside it, or `""`.

    Where JAX differentiates a program that it has already read, the line is not on the stack: JAX
    attaches the stack of the operation as a cause of the exception.
    """
    for link in reversed(list(_chain(error))):
        stack = traceback.extract_tb(link.__traceback__)
        own, of_library = _lines((f.filename, f.lineno, f.name) for f in reversed(stack))
        if own or of_library:
            return beside(own, of_library)
    return ""


def users_traceback(error: BaseException) -> TracebackType | None:
    """Return the traceback of an exception with the frames of the user's own alone.

    Frames that lie before the first one of gradwise are those that called it, and left out too.
    """
    links: list[TracebackType] = []
    link = error.__traceback__
    while link is not None:
        path = link.tb_frame.f_code.co_filename
        links = [] if is_ours(path) else [*links, link]
        link = link.tb_next
    kept = None
    for link in reversed([one for one in links if is_own(one.tb_frame.f_code.co_filename)]):
        kept = TracebackType(kept, link.tb_frame, link.tb_lasti, link.tb_lineno)
    return kept


def _lines(frames: Iterable[_Frame]) -> tuple[str, str]:
    """Return the innermost line of the user's own, and that of the library that it calls.

    Args:
        frames: File, line and function, the innermost first; those that called gradwise are not
            the function's.
    """
    called = itertools.takewhile(lambda frame: not is_ours(frame[0]), frames)
    users = [frame for frame in called if is_users(frame[0])]
    inner = list(itertools.takewhile(lambda frame: not is_own(frame[0]), users))
    own = shown(*users[len(inner)]) if len(inner) < len(users) else ""
    library = _in_library(*inner[0]) if inner else ""
    return own, library


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exception and, one after the other, its causes."""
    while error is not None:
        yield error
        error = error.__cause__
